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
  [
    ["upload", "a.jpg", "--fault=recognition=fail"],
    ["--fault=recognition=fail", "--fault=recognition=fail-once"],
  ],
  [["upload", "--state-dir=./s"], [":files"]],
  [["help", "state", "ver"], ["verify"]],
  [["state", "help", "ver"], ["verify"]],
  [["upload", "fix"], [":files"]],
  [["machines", "--state-dir", ""], [":files"]],
  [["messages", "metadata.s"], ["metadata.sorted"]],
  [
    ["completion", ""],
    ["bash", "zsh", "fish"],
  ],
  [["machines", "show", ""], [""]],
  [["trace", ""], [""]],
  [["publish", "metadata.s"], ["metadata.sorted"]],
  [
    ["context", "use", ""],
    ["local", "env"],
  ],
  [
    ["upload", "--context", ""],
    ["local", "env"],
  ],
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

/** What bash would put in place of the end of its last word. Splits the line as bash does. */
const askBash = (line: string) => `COMP_LINE='${line}'; COMP_POINT=${line.length}
  COMP_WORDS=(${line
    .split(/([=:])| /)
    .flatMap((word) => (word ? `'${word}'` : []))
    .join(" ")})
  COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _tu_analyze; printf '%s\\n' "\${COMPREPLY[@]}"`;

/** Without its line editor, zsh prints the candidates. The script is a file in fpath: this is the first Tab. */
const askZsh = (line: string) => `compadd() { print -l -- \${@:#--} }
  words=(${line}); CURRENT=\${#words}; autoload -Uz _tu-analyze; _tu-analyze`;

const askFish = (line: string) => `complete -C "${line}"`;

test.runIf(existsSync("/bin/bash")).each([
  ["tu-analyze messages metadata.s", ["metadata.sorted"]],
  ["tu-analyze help sta", ["state"]],
  ["tu-analyze upload a.jpg --fault=recognition=fail", ["fail", "fail-once"]],
  ["tu-analyze upload a.jpg --fault recognition=t", ["timeout"]],
  ["tu-analyze upload a.jpg --flow=c", ["current"]],
  ["tu-analyze upload a.jpg --expect-status=", ["completed", "failed"]],
])("bash completes %j by its script", async (line, expected) => {
  const { stdout: script } = await tool(["completion", "bash"]);
  const args = ["--norc", "-c", `COMP_WORDBREAKS=$' =:'\n${script}\n${askBash(line)}`];
  const asked = execFileSync("/bin/bash", args, { encoding: "utf8", env: await installed() });
  expect(asked.trim().split("\n")).toEqual(expected);
});

const whole = [
  ["tu-analyze messages metadata.s", ["metadata.sorted"]],
  [
    "tu-analyze upload a.jpg --fault=recognition=fail",
    ["--fault=recognition=fail", "--fault=recognition=fail-once"],
  ],
] as const;

test.runIf(existsSync("/usr/bin/zsh")).each(whole)(
  "zsh completes %j at the first Tab, with its script in fpath",
  async (line, expected) => {
    const env = await installed();
    const { stdout: script } = await tool(["completion", "zsh"]);
    await writeFile(join(env.HOME, "_tu-analyze"), script);
    const args = ["-f", "-c", `fpath=('${env.HOME}' $fpath)\n${askZsh(line)}`];
    const asked = execFileSync("/usr/bin/zsh", args, { encoding: "utf8", env });
    expect(asked.trim().split("\n")).toEqual(expected);
  },
);

test.runIf(existsSync("/usr/bin/zsh"))("zsh can source its script without compinit", async () => {
  const { stdout: script } = await tool(["completion", "zsh"]);
  const ask = `${script}\nprint -- $_comps[tu-analyze]`;
  const env = await installed();
  const asked = execFileSync("/usr/bin/zsh", ["-f", "-c", ask], { encoding: "utf8", env });
  expect(asked.trim()).toBe("_tu-analyze");
});

test.runIf(existsSync("/usr/bin/fish")).each(whole)(
  "fish completes %j by its script",
  async (line, expected) => {
    const { stdout: script } = await tool(["completion", "fish"]);
    const args = ["--no-config", "-c", `${script}\n${askFish(line)}`];
    const asked = execFileSync("/usr/bin/fish", args, { encoding: "utf8", env: await installed() });
    expect(asked.trim().split("\n")).toEqual(expected);
  },
);

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
  const [flow] = await completed("trace", "--state-dir", directory, "");
  expect(flow).toMatch(/^[0-9a-f-]{36}$/);
  expect(await completed("flows", "show", "--state-dir", directory, "")).toEqual([flow]);
});
