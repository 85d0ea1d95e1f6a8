import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { UploadReport } from "../pipeline/reports/upload.ts";
import {
  binary,
  image,
  json,
  komatsuAnswer,
  notLooking,
  preload,
  replaying,
  signalAt,
  temporaryDirectory,
  tool,
} from "./run-tool.samples.ts";

const komatsu = image("komatsu-pc200.jpg");
const nothing = image("nothing.jpg");
const signals = [
  ["SIGINT", 130, "E_INTERRUPTED"],
  ["SIGTERM", 143, "E_TERMINATED"],
  ["SIGHUP", 143, "E_TERMINATED"],
] as const;

/** Leaves behind a flow that has not reached its recognition. */
async function killedUpload(stateDir: string) {
  const killed = await tool(["upload", komatsu, "--state-dir", stateDir], {
    onStdout: signalAt("analysis.recognition.request", "SIGKILL"),
  });
  expect(killed.signal).toBe("SIGKILL");
}

describe("stopped in the middle", () => {
  test.each(signals)("%s says so and is exit %i", async (signal, code, name) => {
    const stateDir = await temporaryDirectory();
    const stopped = await tool(
      ["upload", komatsu, "--state-dir", stateDir, "--fault", "recognition=timeout"],
      { env: notLooking, onStdout: signalAt("analysis.recognition.request", signal) },
    );
    expect(stopped).toMatchObject({ code, signal: null });
    expect(stopped.stderr).toContain(name);
  });

  test.each(signals)(
    "waiting for an input that says nothing is stopped at once by %s, exit %i",
    async (signal, code, name) => {
      const stopped = await tool(["upload", "-", "--ephemeral"], {
        stdin: "silent",
        onStderr: signalAt("\n", signal),
      });
      expect(stopped).toMatchObject({ code, signal: null });
      expect(stopped.stderr).toContain(name);
    },
  );

  test("what it says of the work is true: not started, or accepted with its flow", async () => {
    const stateDir = await temporaryDirectory();
    const early = await tool(["upload", "-", "--state-dir", stateDir], {
      stdin: "silent",
      onStderr: signalAt("\n", "SIGTERM"),
    });
    expect(early.stderr).toContain("stopped by SIGTERM; not started\n  hint: run it again");
    expect(early.stderr).not.toContain("next start");
    const args = ["upload", komatsu, "--fault", "recognition=timeout"];
    const onStdout = signalAt("analysis.recognition.request", "SIGTERM");
    const late = await tool([...args, "--state-dir", stateDir], { env: notLooking, onStdout });
    expect(late.stderr).toMatch(
      /stopped by SIGTERM; accepted as flow .+\n.+the next start resumes/,
    );
    const lost = await tool([...args, "--ephemeral"], {
      env: notLooking,
      onStdout: signalAt("analysis.recognition.request", "SIGTERM"),
    });
    expect(lost.stderr).toContain("it was in progress, and nothing is stored");
    expect(lost.stderr).not.toContain("next start");
  });

  test("each image of several has a record, and what is called accepted goes on", async () => {
    const stateDir = await temporaryDirectory();
    const images = [nothing, komatsu, image("cat-930g.jpg"), image("volvo-l120h.png")];
    const args = ["--concurrency", "1", "-o", "jsonl", "--state-dir", stateDir];
    const stopped = await tool(["upload", ...images, ...args], {
      env: notLooking,
      onStdout: signalAt("\n", "SIGTERM"),
    });
    expect(stopped.code).toBe(143);
    const records = stopped.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records.map(({ file }) => file)).toEqual(images);
    expect(records[0]).toMatchObject({ status: "failed" });
    expect(records.at(-1)).toMatchObject({ status: "not-started", flowId: null });
    const next = await tool(["upload", image("not-a-machine.jpg"), "--state-dir", stateDir], {
      env: notLooking,
    });
    for (const { flowId, status } of records)
      if (status === "accepted") expect(next.stderr).toContain(flowId);
  });

  test("a kill -9 loses nothing: the next start resumes, and the machine is saved once", async () => {
    const stateDir = await temporaryDirectory();
    const env = await replaying({ "komatsu-pc200.jpg": await komatsuAnswer(), "nothing.jpg": {} });
    await killedUpload(stateDir);
    const next = await tool(["upload", nothing, "--state-dir", stateDir], { env });
    expect(next.code).toBe(0);
    expect(next.stderr).toContain("left by an earlier run");
    const listed = json(await tool(["machines", "--json", "--state-dir", stateDir]));
    expect(listed["machines"]).toMatchObject([{ model: "PC200-8", sightings: [{}] }]);
    const third = await tool(["upload", nothing, "--state-dir", stateDir], { env });
    expect(third.stderr).not.toContain("left by an earlier run");
  });

  test("the same picture joins the flow that was left, and what else was left is told by name", async () => {
    const stateDir = await temporaryDirectory();
    const env = await replaying({ "komatsu-pc200.jpg": await komatsuAnswer(), "nothing.jpg": {} });
    await killedUpload(stateDir);
    const joined = await tool(["upload", komatsu, "-o", "json", "--state-dir", stateDir], { env });
    const { flowId, result, status } = UploadReport.parse(json(joined));
    expect({ status, verdict: result.comparison?.verdict }).toEqual({
      ...{ status: "completed", verdict: "new" },
    });
    expect(joined.stderr).toContain(`resuming flow ${flowId} (${komatsu}), left by an earlier run`);
    expect(result.machine?.sightings).toHaveLength(1);
    await killedUpload(stateDir);
    const other = await tool(["upload", nothing, "--state-dir", stateDir], { env });
    expect(other.stderr).toMatch(
      /komatsu-pc200.jpg \(flow .+\) completed: Komatsu · PC200-8 .+verdict known/,
    );
    expect(await readdir(join(stateDir, "under-way"))).toEqual([]);
  });

  test("a flow that only waits for a timeout is told to its end, or when it is due", async () => {
    const stateDir = await temporaryDirectory();
    const env = await replaying({ "komatsu-pc200.jpg": await komatsuAnswer(), "nothing.jpg": {} });
    const leave = async (...more: string[]) => {
      const args = ["upload", komatsu, "--state-dir", stateDir, "--fault", "comparison=timeout"];
      const onStdout = signalAt("analysis.comparison.request", "SIGTERM");
      const left = await tool([...args, ...more], { env, onStdout });
      expect(left.stderr).toContain("the next start resumes it");
      return /accepted as flow (\S+)/.exec(left.stderr)?.[1] ?? "";
    };
    const next = ["upload", nothing, "--state-dir", stateDir];
    const near = await leave("--step-timeout", "comparison=3s");
    const told = await tool(next, { env });
    expect(told.code).toBe(0);
    expect(told.stderr).toContain(`${komatsu} (flow ${near}) completed: Komatsu · PC200-8`);
    const far = await leave("--step-timeout", "comparison=1h");
    const other = await tool(next, { env });
    expect(other.code).toBe(0);
    expect(other.stderr).toContain(
      `resuming flow ${far} (${komatsu}), left by an earlier run; it waits for a timer that is due in 60 min`,
    );
    expect(other.stderr).toContain(`${komatsu} (flow ${far}) waits for a timer; a later start`);
    const same = await tool(["upload", komatsu, "--timeout", "4s", ...next.slice(2)], { env });
    expect(same.code).toBe(7);
    expect(same.stderr).toContain(`accepted as flow ${far}`);
  });

  test("after a signal, resumed flows are not awaited, and the exit code tells", async () => {
    const stateDir = await temporaryDirectory();
    const env = await replaying({ "komatsu-pc200.jpg": await komatsuAnswer() });
    await killedUpload(stateDir);
    // The other picture has no recorded answer: its analysis ends before there is anything to compare.
    const args = ["upload", nothing, "--state-dir", stateDir, "--fault", "comparison=timeout"];
    const stopped = await tool(args, { env, onStdout: signalAt("onAnalysisFailed", "SIGTERM") });
    expect(stopped.stdout).toContain("E_CASSETTE_MISSING");
    expect(stopped.stderr).toContain("E_TERMINATED");
    expect(stopped).toMatchObject({ code: 143, signal: null });
  });
});

describe("while an opening hangs", () => {
  const hanging = `
    import { Server } from "node:net";
    setInterval(() => undefined, 60_000); // as a socket would hold the process
    Server.prototype.listen = function () { process.stderr.write("opening\\n"); return this; };`;
  /** The first signal arrives while the pipeline opens, the others after the first was received. */
  const stopped = (first: NodeJS.Signals, others: readonly NodeJS.Signals[], more = "") => {
    const opening = signalAt("opening\n", first);
    const heard = signalAt("repeat to stop at once\n", ...others);
    return tool(["upload", komatsu, "--ephemeral"], {
      env: { ...notLooking, ...preload(`${hanging}${more}`) },
      onStderr: (text, child) => {
        opening(text, child);
        heard(text, child);
      },
    });
  };

  test("a second signal ends it at once", async () => {
    expect(await stopped("SIGTERM", ["SIGTERM"])).toMatchObject({ signal: "SIGTERM" });
    expect(await stopped("SIGHUP", ["SIGINT"])).toMatchObject({ signal: "SIGINT" });
  });

  test("a second hang-up does not: a terminal that closes sends several", async () => {
    expect(await stopped("SIGHUP", ["SIGHUP", "SIGTERM"])).toMatchObject({ signal: "SIGTERM" });
    expect(await stopped("SIGTERM", ["SIGHUP", "SIGINT"])).toMatchObject({ signal: "SIGINT" });
  });

  test("it is over after 10 s without a second signal, a hang-up as terminated", async () => {
    const soon = `
      const { setTimeout: later } = globalThis;
      globalThis.setTimeout = (run, ms, ...args) => later(run, ms === 10_000 ? 1 : ms, ...args);`;
    const { signal, stderr } = await stopped("SIGHUP", [], soon);
    expect(signal).toBe("SIGTERM");
    expect(stderr).toContain("still busy after 10 s");
  });
});

describe("the time that was given", () => {
  test.each(["upload", "recognise"])("bounds the waiting of %s for its input", async (command) => {
    const stopped = await tool([command, "-", "--timeout", "500ms"], { stdin: "silent" });
    expect(stopped).toMatchObject({ code: 7, signal: null });
    expect(stopped.stderr).toContain("within 500ms");
  });

  test.skipIf(process.platform === "win32")("bounds it for a pipe that nobody opens", async () => {
    const pipe = join(await temporaryDirectory(), "pipe");
    execFileSync("mkfifo", [pipe]);
    const stopped = await tool(["upload", pipe, "--ephemeral", "--timeout", "500ms"]);
    expect(stopped).toMatchObject({ code: 7, signal: null });
  });

  test("bounds the opening, and the clean-up after it", async () => {
    const hanging = `
      import { Server } from "node:net";
      Server.prototype.close = function () { setInterval(() => undefined, 60_000); return this; };`;
    const args = ["upload", komatsu, "--ephemeral", "--timeout", "2s", "-o", "json"];
    const closing = await tool([...args, "--fault", "recognition=timeout"], {
      env: { ...notLooking, ...preload(hanging) },
    });
    expect(closing).toMatchObject({ code: 7, signal: null });
    expect(json(closing)).toMatchObject({ code: "E_DEADLINE" });
    const opening = await tool(args, {
      env: { ...notLooking, ...preload(hanging.replace(".close", ".listen")) },
    });
    expect(opening).toMatchObject({ code: 7, signal: null });
    expect(json(opening)["message"]).toContain("not started");
  });
});

describe("output that nobody takes", () => {
  const full = existsSync("/dev/full");

  test.runIf(full)("standard output that cannot be written is said once", async () => {
    const full = openSync("/dev/full", "w");
    const child = spawn(process.execPath, [binary, "messages"], {
      stdio: ["ignore", full, "pipe"],
    });
    closeSync(full);
    let stderr = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const [code] = (await once(child, "close")) as [number | null];
    expect(code).toBe(1);
    expect(stderr).toBe(
      "E_OUTPUT: standard output cannot be written (ENOSPC)\n  hint: check whether the disk is full\n",
    );
  });

  test.runIf(full)("standard error that cannot be written changes no exit code", async () => {
    const full = openSync("/dev/full", "w");
    const child = spawn(process.execPath, [binary, "uplod"], { stdio: ["ignore", "ignore", full] });
    closeSync(full);
    expect(await once(child, "close")).toEqual([2, null]);
  });

  test("a reader that has seen enough is no error", async () => {
    const result = await tool(["messages", "-o", "jsonl"], {
      onStdout: (_, child) => child.stdout?.destroy(),
    });
    expect(result).toMatchObject({ code: 0, stderr: "" });
  });

  test.each([
    ["EPIPE", 0, ""],
    ["ECONNRESET", 0, ""],
    ["ENOSPC", 1, "E_OUTPUT: standard output cannot be written (ENOSPC)"],
  ])("a write that fails with %s is exit %i", async (code, exitCode, said) => {
    const failing = `process.stdout.write = () => !process.stdout.emit("error", Object.assign(new Error(), { code: "${code}" }))`;
    const preload = `--import=data:text/javascript,${encodeURIComponent(failing)}`;
    const result = await tool(["messages"], { env: { NODE_OPTIONS: preload } });
    expect({ code: result.code, stderr: result.stderr.split("\n")[0] }).toEqual({
      ...{ code: exitCode, stderr: said },
    });
  });

  test.runIf(process.platform === "linux" && existsSync("/usr/bin/script"))(
    "a terminal that closes is a hang-up",
    async () => {
      const exitCode = join(await temporaryDirectory(), "exit-code");
      execFileSync("mkfifo", [exitCode]);
      const args = `upload '${komatsu}' --ephemeral --fault recognition=timeout`;
      // The shell receives the signal, and passes it on.
      const shell = `trap 'kill -HUP $child' HUP
        '${process.execPath}' '${binary}' ${args} & child=$!
        wait $child; wait $child; echo $? > '${exitCode}'`;
      const terminal = spawn("/usr/bin/script", ["-qc", shell, "/dev/null"], {
        env: { ...process.env, ...notLooking, SHELL: "/bin/sh" },
        stdio: ["pipe", "pipe", "ignore"],
      });
      let shown = "";
      terminal.stdout.setEncoding("utf8").on("data", (text: string) => {
        shown += text;
        if (shown.includes("analysis.recognition.request")) terminal.kill("SIGKILL");
      });
      expect(await readFile(exitCode, "utf8")).toBe("143\n");
    },
  );
});
