import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as wait } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { startVisionServer } from "../adapters/google-vision/testing/vision-server.ts";
import {
  binary,
  image,
  komatsuAnswer,
  replaying,
  temporaryDirectory,
  tool,
} from "./run-tool.samples.ts";

// What a process that is gone left, in the networks of others: one that starts later in a container of its own,
// and one that was there all the time.

const komatsu = image("komatsu-pc200.jpg");
const replay = async () =>
  replaying({ "komatsu-pc200.jpg": await komatsuAnswer(), "nothing.jpg": {} });

/** As in a container: the process is number 1 of its own namespace. */
function inContainer(args: readonly string[], env: Readonly<Record<string, string>>): ChildProcess {
  const command = ["--pid", "--fork", "--kill-child", "--mount-proc", process.execPath, binary];
  return spawn("unshare", [...command, ...args], {
    env: { PATH: process.env["PATH"], HOME: env["TU_ANALYZE_VISION_DIR"], ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
}

test("a restart in a container, where every process is number 1, goes on with what was left", async () => {
  const stateDir = await temporaryDirectory();
  const env = await replay();
  const kept = ["--state-dir", stateDir];
  const first = inContainer(["upload", komatsu, ...kept, "--fault", "recognition=timeout"], env);
  let shown = "";
  first.stdout?.setEncoding("utf8").on("data", (text: string) => {
    shown += text;
    if (shown.includes("analysis.started")) first.kill("SIGKILL");
  });
  expect(await once(first, "close")).toEqual([null, "SIGKILL"]);
  await wait(11_000); // its lease runs out
  const second = inContainer(["upload", image("nothing.jpg"), ...kept], env);
  let told = "";
  second.stderr?.setEncoding("utf8").on("data", (text: string) => {
    told += text;
  });
  expect(await once(second, "close")).toEqual([0, null]);
  expect(told).toContain("left by an earlier run");
});

test("a process that lives takes over what another one leaves, without a restart", async () => {
  const stateDir = await temporaryDirectory();
  const answer = await komatsuAnswer();
  let pictures = 0;
  const server = await startVisionServer(({ answer: give }) => {
    pictures += 1;
    // The first picture keeps its process alive; the second is the one that was left.
    setTimeout(() => give({ responses: [answer] }), pictures === 1 ? 15_000 : 0);
  });
  onTestFinished(() => server.close());
  const google = ["--vision", "google", "--vision-endpoint", server.endpoint];
  const living = tool(["upload", komatsu, "--state-dir", stateDir, ...google]);
  while (pictures === 0) await wait(50);
  const killed = await tool(["upload", image("nothing.jpg"), "--state-dir", stateDir], {
    env: await replay(),
    onStdout: (text, child) => {
      if (text.includes("analysis.recognition.request")) child.kill("SIGKILL");
    },
  });
  expect(killed.signal).toBe("SIGKILL");
  const { code, stderr } = await living;
  expect(code).toBe(0);
  expect(stderr).toContain("left by an earlier run");
});
