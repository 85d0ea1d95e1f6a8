import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  binary,
  image,
  komatsuAnswer,
  replaying,
  temporaryDirectory,
  tool,
} from "./run-tool.samples.ts";

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

/** The directory in which the shells find the tool, without the user's configuration. */
async function installed() {
  const directory = await temporaryDirectory();
  const command = join(directory, "tu-analyze");
  await writeFile(command, `#!/bin/sh\nexec '${process.execPath}' '${binary}' "$@"\n`);
  await chmod(command, 0o755);
  return { PATH: `${directory}:${process.env["PATH"]}`, HOME: directory };
}

/** How to query a shell that has loaded the script; prints what it would offer. */
const shells: Readonly<Record<string, readonly [path: string, ask: string]>> = {
  bash: [
    "/bin/bash",
    `COMP_WORDS=(tu-analyze messages metadata.s); COMP_CWORD=2; _tu_analyze; echo "\${COMPREPLY[@]}"`,
  ],
  // Without its line editor: prints the candidates instead.
  zsh: [
    "/usr/bin/zsh",
    `compadd() { print -l -- \${@:#--} }
    words=(tu-analyze messages metadata.s); CURRENT=3; _tu_analyze`,
  ],
  fish: ["/usr/bin/fish", `complete -C "tu-analyze messages metadata.s"`],
};

for (const [shell, [path, ask]] of Object.entries(shells))
  test.runIf(existsSync(path))(`${shell} completes by its script`, async () => {
    const { stdout: script } = await tool(["completion", shell]);
    const known = shell === "zsh" ? "compdef() { }\n" : "";
    const args = shell === "zsh" ? ["-f", "-c"] : ["-c"];
    const env = await installed();
    const asked = execFileSync(path, [...args, `${known}${script}\n${ask}`], {
      ...{ encoding: "utf8", env },
    });
    expect(asked.trim()).toBe("metadata.sorted");
  });

test("ids are those of the state directory that the line names", async () => {
  const directory = await temporaryDirectory();
  const env = await replaying({ "komatsu-pc200.jpg": await komatsuAnswer() });
  const args = ["upload", image("komatsu-pc200.jpg"), "--state-dir", directory];
  const uploaded = await tool(args, { env });
  expect(uploaded.code).toBe(0);
  const [id] = await completed("machines", "show", "--state-dir", directory, "");
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(await completed("machines", "show", `--state-dir=${directory}`, "")).toEqual([id]);
  expect(await completed("machines", "show", "")).toEqual([""]);
});
