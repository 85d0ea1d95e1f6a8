import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { InstanceReport } from "../../src/pipeline/reports/running.ts";

// `tu-analyze up --context env` in a process of its own, as a cluster runs it.

export type Pipeline = {
  readonly url: string;
  readonly stateDir: string;
  /** Since the last call: the most memory it had, in MB, and the longest wait for an answer, in milliseconds. */
  vitals(): { readonly mb: number; readonly ms: number };
  /** What is alive on its heap and in its buffers after a collection, in MB. */
  aliveMb(): Promise<number>;
  /** What it said that it must never say. */
  complaints(): readonly string[];
  /** Resolves with complaints about how it ended. */
  stop(): Promise<readonly string[]>;
};

const probe = new URL("./heap-probe.mjs", import.meta.url).href;
const binary = join(import.meta.dirname, "../../bin/tu-analyze");
const patienceMs = 60_000;
const neverSaid = /E_BUG|Warning|Unhandled|\n\s+at /;

export async function startPipeline(options: {
  readonly directory: string;
  readonly answers: string;
  readonly variables: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}): Promise<Pipeline> {
  const { answers, args = [], directory, variables } = options;

  const child = spawn(
    process.execPath,
    [
      "--expose-gc",
      "--trace-warnings",
      "--import",
      probe,
      binary,
      "up",
      "--context",
      "env",
      "--port",
      "0",
      "-o",
      "json",
      ...args,
    ],
    {
      cwd: directory,
      env: {
        ...{ PATH: process.env["PATH"], HOME: directory, ...variables },
        ...{ TU_ANALYZE_STATE_DIR: join(directory, "state"), TU_ANALYZE_VISION: "replay" },
        TU_ANALYZE_VISION_DIR: answers,
      },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    },
  );
  process.once("exit", () => child.kill("SIGKILL"));
  const complaints: string[] = [];
  const log = createWriteStream(join(directory, "up.log"));
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    log.write(text);
    if (neverSaid.test(text)) complaints.push(`the pipeline said: ${text.slice(0, 500)}`);
  });
  const { graphql, stateDir } = await readiness(child);
  if (stateDir === null) throw new Error("the pipeline keeps nothing");
  if (graphql === null) return { ...bare(child, { stateDir, complaints }), url: "" };
  return {
    ...bare(child, { stateDir, complaints, graphql }),
    url: graphql.replace(/\/graphql$/, ""),
  };
}

async function readiness(child: ChildProcess): Promise<InstanceReport> {
  let printed = "";
  const report = new Promise<string>((resolve, reject) => {
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      if (printed.endsWith("}\n")) resolve(printed);
    });
    child.once("exit", (code) => reject(new Error(`the pipeline ended with ${code}`)));
  });
  const read = InstanceReport.safeParse(JSON.parse(await report));
  if (read.success) return read.data;
  throw new Error(`the pipeline did not start: ${printed}`);
}

function bare(
  child: ChildProcess,
  given: { stateDir: string; complaints: string[]; graphql?: string },
): Omit<Pipeline, "url"> {
  const { complaints, graphql, stateDir } = given;
  let [mb, ms] = [0, 0];
  const look = async () => {
    mb = Math.max(mb, await residentMb(child.pid ?? 0));
    if (graphql !== undefined) ms = Math.max(ms, await answerMs(graphql));
  };
  let isEnding = false;
  const looking = (async () => {
    for (; !isEnding; await wait(100)) await look().catch(() => undefined); // it is ending
  })();
  child.once("exit", (code, signal) => {
    if (isEnding) return;
    const complaint = `the pipeline ended by itself: ${code ?? signal}`;
    console.log(complaint);
    complaints.push(complaint);
  });
  return {
    stateDir,
    complaints: () => complaints,
    vitals() {
      const seen = { mb, ms };
      [mb, ms] = [0, 0];
      return seen;
    },
    async aliveMb() {
      child.send("how much is alive?");
      const [{ arrayBuffers, heapUsed }] = (await once(child, "message")) as [Alive];
      return (heapUsed + arrayBuffers) / 1024 / 1024;
    },
    async stop() {
      isEnding = true;
      await looking;
      if (child.exitCode !== null) return complaints;
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      const isOver = await Promise.race([
        ended.then(() => true),
        wait(patienceMs, false, { ref: false }),
      ]);
      if (isOver) return complaints;
      child.kill("SIGKILL");
      await ended;
      return [...complaints, `the pipeline did not end within ${patienceMs / 1000} s`];
    },
  };
}

/** As the probe says it, in bytes. */
type Alive = { readonly heapUsed: number; readonly arrayBuffers: number };

const pageKb = 4;

async function residentMb(pid: number): Promise<number> {
  const [, pages = "0"] = (await readFile(`/proc/${pid}/statm`, "utf8")).split(" ");
  return (Number(pages) * pageKb) / 1024;
}

async function answerMs(url: string): Promise<number> {
  const startedAt = performance.now();
  await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query: "{ __typename }" }),
  }).then((response) => response.text());
  return performance.now() - startedAt;
}
