import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { InstanceReport } from "../pipeline/reports/running.ts";
import {
  binary,
  image,
  json,
  jsonLines,
  komatsuAnswer,
  replaying,
  temporaryDirectory,
  tool,
} from "./run-tool.samples.ts";

const komatsu = image("komatsu-pc200.jpg");

type Up = {
  readonly child: ChildProcess;
  readonly ready: InstanceReport;
  readonly printed: () => string;
  readonly stateDir: string;
  readonly env: Readonly<Record<string, string>>;
};

/** `up` in a directory of its own, when it is ready. It is killed after the test. */
async function up(
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Up> {
  const home = await temporaryDirectory();
  const stateDir = env["TU_ANALYZE_STATE_DIR"] ?? join(home, "state");
  const answers = await replaying({ "komatsu-pc200.jpg": await komatsuAnswer() });
  const all = { ...answers, TU_ANALYZE_STATE_DIR: stateDir, ...env };
  const options = ["up", "--port", "0", "-o", "json", ...args];
  const child = spawn(process.execPath, [binary, ...options], {
    cwd: home,
    env: { PATH: process.env["PATH"], HOME: home, ...all },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let printed = "";
  const report = new Promise<string>((resolve, reject) => {
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      if (printed.endsWith("}\n")) resolve(printed);
    });
    child.once("exit", (code) => reject(new Error(`up ended with ${code}`)));
  });
  const ready = InstanceReport.parse(JSON.parse(await report));
  return { child, ready, printed: () => printed, stateDir, env: { ...all, TU_ANALYZE_VISION: "" } };
}

const ask = (url: string, query: string) =>
  fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query }),
  });

const shownNames = (report: Record<string, unknown>) =>
  new Set(
    (report["hops"] as { name: string; from: string; to: string }[]).map(
      ({ from, name, to }) => `${name} ${from} ${to}`,
    ),
  );

test("it is ready after a round trip over every leg, and uploads use it", async () => {
  const { child, env, printed, ready, stateDir } = await up();
  expect(ready.legs).toMatchObject([
    { name: "kafka", problem: null },
    { name: "rabbitmq", problem: null },
    { name: "object store", problem: null },
  ]);
  const { graphql } = ready;
  expect((await (await ask(String(graphql), "{ __typename }")).json()) as unknown).toEqual({
    data: { __typename: "Query" },
  });
  const there = await tool(["upload", komatsu, "-o", "json"], { env });
  expect(there.code).toBe(0);
  const own = await tool(["upload", komatsu, "-o", "json", "--in-process"], {
    env: { ...env, TU_ANALYZE_VISION: "replay" },
  });
  const [report, alone] = [json(there), json(own)];
  expect(report["result"]).toMatchObject({ recognition: { aggregate: { model: "PC200-8" } } });
  expect(report["hops"]).toHaveLength((alone["hops"] as unknown[]).length);
  expect(shownNames(report)).toEqual(shownNames(alone));
  // Its own pipeline found the machine that the running one had stored.
  expect(alone["result"]).toMatchObject({ comparison: { verdict: "known" } });
  const ps = json(await tool(["ps", "-o", "json"], { env }));
  const { legs: _, schema: __, ...instance } = ready;
  expect(ps["instances"]).toEqual([instance]);
  expect(json(await tool(["wait", "--ready", "-o", "json"], { env }))["pid"]).toBe(child.pid);
  const ended = once(child, "exit");
  expect(json(await tool(["down", "-o", "json"], { env }))["stopped"]).toEqual([
    { pid: child.pid, flow: "full", isForced: false },
  ]);
  expect(await ended).toEqual([143, null]);
  expect(JSON.parse(printed())).toEqual(ready); // one document, whatever came after
  expect(await readdir(join(stateDir, "running"))).toEqual([]);
});

test("the ready file is there while it is ready", async () => {
  const directory = await temporaryDirectory();
  const file = join(directory, "ready.json");
  const { child, ready } = await up(["--ready-file", file, "--ephemeral"]);
  expect(JSON.parse(await readFile(file, "utf8"))).toEqual(ready);
  expect(ready.stateDir).toBeNull();
  child.kill("SIGINT");
  expect(await once(child, "exit")).toEqual([130, null]);
  expect(await readdir(directory)).toEqual([]);
});

test("two run side by side; an upload takes the one with its flow, and down wants to know which", async () => {
  const one = await up();
  const other = await up(["--flow", "current"], { TU_ANALYZE_STATE_DIR: one.stateDir });
  const listed = jsonLines(await tool(["ps", "-o", "jsonl"], { env: one.env }));
  expect(listed.map(({ flow }) => flow)).toEqual(["full", "current"]);
  const uploaded = json(
    await tool(["upload", komatsu, "-o", "json", "--flow", "current"], { env: one.env }),
  );
  expect(uploaded).toMatchObject({ flow: "current", status: "completed" });
  const unclear = await tool(["down", "-o", "json"], { env: one.env });
  expect([unclear.code, json(unclear)["code"]]).toEqual([2, "E_USAGE"]);
  const unknown = await tool(["down", "1", "-o", "json"], { env: one.env });
  expect([unknown.code, json(unknown)["code"]]).toEqual([4, "E_INSTANCE_NOT_FOUND"]);
  const ended = Promise.all([once(one.child, "exit"), once(other.child, "exit")]);
  const pids = [String(one.child.pid), String(other.child.pid)];
  expect((await tool(["down", ...pids], { env: one.env })).code).toBe(0);
  expect(await ended).toEqual([
    [143, null],
    [143, null],
  ]);
});

test("a service whose port is taken listens 20 ports further on", async () => {
  const taken = createServer().listen(0, "127.0.0.1");
  onTestFinished(() => void taken.close());
  await once(taken, "listening");
  const { port } = taken.address() as { port: number }; // a TCP server has this kind
  const { ready } = await up(["--port", String(port)]);
  expect(ready.graphql).toMatch(new RegExp(`:(?:${port + 20}|${port + 40})/graphql$`));
});

test("one that was killed is not listed, and nothing but a hint is printed", async () => {
  const { child, env } = await up();
  child.kill("SIGKILL");
  await once(child, "exit");
  const { code, stdout } = await tool(["ps"], { env });
  expect([code, stdout]).toEqual([0, expect.stringContaining("start it with `tu-analyze up`")]);
  expect((await tool(["down"], { env })).code).toBe(0);
  const waited = await tool(["wait", "--ready", "--timeout", "300ms"], { env });
  expect([waited.code, waited.stderr]).toEqual([7, expect.stringContaining("nothing runs in")]);
});

test("with --detach it returns when it is ready, and keeps what it prints", async () => {
  const home = await temporaryDirectory();
  const env = { TU_ANALYZE_STATE_DIR: join(home, "state"), TU_ANALYZE_VISION: "replay" };
  const detached = await tool(["up", "--detach", "--port", "0", "-o", "json"], { env });
  const { pid } = json(detached) as { pid: number };
  onTestFinished(() => {
    try {
      process.kill(pid, "SIGKILL");
    } catch {} // it has ended
  });
  expect(detached.code).toBe(0);
  expect((await tool(["down"], { env })).stdout).toBe(`process ${pid} has ended\n`);
  const log = await readFile(join(home, "state", "running", `${pid}.log`), "utf8");
  expect(log).toContain("terminated: no new work");
});

test("with --detach it shows why it did not start", async () => {
  const env = { TU_ANALYZE_STATE_DIR: "/proc/none" };
  const refused = await tool(["up", "--detach", "--port", "0"], { env });
  expect([refused.code, refused.stderr]).toEqual([5, expect.stringContaining("/proc/none")]);
  const vision = { TU_ANALYZE_STATE_DIR: join(await temporaryDirectory(), "state") };
  const failed = await tool(["up", "--detach", "--port", "0", "--vision-models", "/none"], {
    env: vision,
  });
  expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining("E_VISION_MODELS")]);
});

test("a state directory that is a file is told as one by every command", async () => {
  const file = join(await temporaryDirectory(), "file");
  await writeFile(file, "");
  for (const args of [["upload", komatsu], ["up"], ["ps"], ["wait", "--ready"], ["down"]]) {
    const told = await tool([...args, "--state-dir", file, "-o", "json"]);
    expect([args[0], told.code, json(told)["code"]]).toEqual([args[0], 2, "E_STATE_UNUSABLE"]);
  }
});

test("wait says what to wait for, and down takes process ids", async () => {
  const waited = await tool(["wait"]);
  expect([waited.code, waited.stderr]).toEqual([2, expect.stringContaining("add --ready")]);
  const down = await tool(["down", "all"]);
  expect([down.code, down.stderr]).toEqual([2, expect.stringContaining("must be a process id")]);
});
