import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { binary, image, json, temporaryDirectory, tool } from "./run-tool.samples.ts";

const komatsu = image("komatsu-pc200.jpg");

describe("stopped in the middle", () => {
  test.each([
    ["SIGINT", 130, "E_INTERRUPTED"],
    ["SIGTERM", 143, "E_TERMINATED"],
  ] as const)("%s says so and is exit %i", async (signal, code, name) => {
    const stateDir = await temporaryDirectory();
    const stopped = await tool(
      ["upload", komatsu, "--state-dir", stateDir, "--fault", "recognition=timeout"],
      {
        onStdout: (text, child) => {
          if (text.includes("analysis.recognition.request")) child.kill(signal);
        },
      },
    );
    expect(stopped).toMatchObject({ code, signal: null });
    expect(stopped.stderr).toContain(name);
  });

  test("a kill -9 loses nothing: the next start resumes, and the machine is saved once", async () => {
    const stateDir = await temporaryDirectory();
    const killed = await tool(["upload", komatsu, "--state-dir", stateDir], {
      onStdout: (text, child) => {
        if (text.includes("analysis.recognition.request")) child.kill("SIGKILL");
      },
    });
    expect(killed.signal).toBe("SIGKILL");
    const next = await tool(["upload", image("nothing.jpg"), "--state-dir", stateDir]);
    expect(next.code).toBe(0);
    expect(next.stderr).toContain("left by an earlier run");
    const listed = json(await tool(["machines", "--json", "--state-dir", stateDir]));
    expect(listed["machines"]).toMatchObject([{ model: "PC200-8", sightings: [{}] }]);
    const third = await tool(["upload", image("nothing.jpg"), "--state-dir", stateDir]);
    expect(third.stderr).not.toContain("left by an earlier run");
  });

  test("waiting for an input that says nothing is stopped at once", async () => {
    const child = spawn(process.execPath, [binary, "upload", "-", "--ephemeral"], {
      stdio: ["pipe", "ignore", "pipe"],
    });
    child.stderr.once("data", () => child.kill("SIGTERM")); // the first line is out, stdin never ends
    const [code] = (await once(child, "exit")) as [number | null];
    child.stdin.destroy();
    expect(code).toBe(143);
  });

  test.runIf(existsSync("/dev/full"))("output that cannot be written is said once", async () => {
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
      "E_OUTPUT: standard output cannot be written (ENOSPC)\n  hint: is the disk full?\n",
    );
  });

  test("a reader that has seen enough is no error", async () => {
    const result = await tool(["messages", "-o", "jsonl"], {
      onStdout: (_, child) => child.stdout?.destroy(),
    });
    expect(result).toMatchObject({ code: 0, stderr: "" });
  });
});
