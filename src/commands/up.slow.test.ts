import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { binary, image, json, signalAt, temporaryDirectory, tool } from "./run-tool.samples.ts";

const komatsu = image("komatsu-pc200.jpg");

/** `up` in this state directory; `until` resolves with all that it printed, once that contains the text. */
function up(stateDir: string, home: string) {
  const child = spawn(process.execPath, [binary, "up", "--port", "0", "--state-dir", stateDir], {
    env: { PATH: process.env["PATH"], HOME: home },
    stdio: ["ignore", "pipe", "pipe"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  let printed = "";
  const waiting = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => {
      printed += text;
      for (const look of waiting) look();
    });
  const until = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        if (printed.includes(text)) resolve(printed);
      };
      waiting.add(look);
      child.once("exit", () => reject(new Error(`up ended: ${printed}`)));
      look();
    });
  return { child: child as ChildProcess, until };
}

test("killed in mid-flow and started again, the flow ends once, and its client is told the truth", async () => {
  const home = await temporaryDirectory();
  const stateDir = join(home, "state");
  const first = up(stateDir, home);
  await first.until("✔ ready");
  const kill = signalAt("analysis.recognition.request", "SIGKILL");
  const client = await tool(["upload", komatsu, "--state-dir", stateDir, "--timeout", "30s"], {
    onStdout: (text) => kill(text, first.child),
  });
  expect(client.code).toBe(6);
  const [, flowId = ""] = /accepted as flow (\S+)/.exec(client.stderr) ?? [];
  expect(client.stderr).toContain("the running pipeline, or its next start, finishes it");

  const second = up(stateDir, home);
  const printed = await second.until(`✔ ${flowId}`);
  expect(printed).toContain(`resuming flow ${flowId} (${komatsu})`);
  const listed = await tool(["machines", "--state-dir", stateDir, "-o", "json"]);
  const [machine, ...others] = json(listed)["machines"] as { sightings: { flowId: string }[] }[];
  expect(others).toEqual([]);
  expect(machine?.sightings.map((sighting) => sighting.flowId)).toEqual([flowId]);
  expect(printed.split(`✔ ${flowId}`)).toHaveLength(2);
  second.child.kill("SIGTERM");
  expect(await once(second.child, "exit")).toEqual([143, null]);
});
