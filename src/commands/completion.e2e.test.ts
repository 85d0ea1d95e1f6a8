import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { binary, temporaryDirectory, tool } from "./run-tool.samples.ts";

const completed = async (...words: readonly string[]) =>
  (await tool(["__complete", "--", ...words])).stdout.trim().split("\n");

test.each([
  [["st"], ["state"]],
  [["state", "pr"], ["prune"]],
  [["upload", "--fl"], ["--flow"]],
  [
    ["topology", "--flow", ""],
    ["full", "current"],
  ],
  [
    ["upload", "a.jpg", "--fault", "recognition=fail"],
    ["recognition=fail", "recognition=fail-once"],
  ],
  [["upload", "fix"], [":files"]],
  [["machines", "--state-dir", ""], [":files"]],
  [["messages", "metadata.s"], ["metadata.sorted"]],
  [
    ["completion", ""],
    ["bash", "zsh", "fish"],
  ],
  [["machines", "show", ""], [""]],
])("%j becomes %j", async (words, candidates) => {
  expect(await completed(...words)).toEqual(candidates);
});

test.runIf(existsSync("/bin/bash"))("bash completes by its script", async () => {
  const directory = await temporaryDirectory();
  const command = join(directory, "tu-analyze");
  await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${binary}' "$@"\n`);
  await chmod(command, 0o755);
  const script = (await tool(["completion", "bash"])).stdout;
  const ask = `${script}
    COMP_WORDS=(tu-analyze messages metadata.s); COMP_CWORD=2; _tu_analyze; echo "\${COMPREPLY[@]}"`;
  const env = { PATH: `${directory}:${process.env["PATH"]}`, HOME: directory };
  const asked = execFileSync("/bin/bash", ["-c", ask], { encoding: "utf8", env });
  expect(asked.trim()).toBe("metadata.sorted");
});

test.each(["zsh", "fish"])("%s has a script that asks the same", async (shell) => {
  expect((await tool(["completion", shell])).stdout).toContain("tu-analyze __complete -- ");
});
