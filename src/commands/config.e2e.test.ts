import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { preload, temporaryDirectory, tool } from "./run-tool.samples.ts";

async function withFile(name: string, content: string) {
  const home = await temporaryDirectory();
  await mkdir(join(home, ".config", "tu-analyze"), { recursive: true });
  await writeFile(join(home, name), content);
  const { code, stderr, stdout } = await tool(["state"], { cwd: home, env: { HOME: home } });
  return { code, home, stdout, told: stderr.split("\n", 1)[0]?.replaceAll(home, "~") };
}

const user = ".config/tu-analyze/config.json";

test.each([
  [".tu-analyzerc.json", "[]", "~/.tu-analyzerc.json: it holds a list"],
  [".tu-analyzerc.json", "3", "~/.tu-analyzerc.json: it holds a number"],
  ["package.json", '{"tu-analyze": "x"}', "~/package.json: it holds a string"],
  [user, "[1]", `~/${user}: it holds a list`],
  [".tu-analyzerc.json", "{\n  ]", "~/.tu-analyzerc.json, line 2, column 3: "],
  [".tu-analyzerc.json", '{"flow":}\n', "~/.tu-analyzerc.json: Unexpected token '}'"],
  [".tu-analyzerc.yaml", "a: [1\nb: 2\n", "~/.tu-analyzerc.yaml, line 2, column 1: "],
])("%s that holds %j is refused, by name and place", async (name, content, problem) => {
  const { code, told } = await withFile(name, content);
  expect(code).toBe(2);
  expect(told).toContain(`E_CONFIG: ${problem}`);
  expect(told).not.toContain("\\u000a");
});

test("an unknown setting is told once, wherever the file is", async () => {
  const { told } = await withFile(user, '{"flw":"full"}');
  expect(told?.match(/flw/g)).toHaveLength(1);
});

test("an empty file has no settings", async () => {
  for (const content of ["\n", "# flow: full\n"])
    expect(await withFile(".tu-analyzerc", content)).toMatchObject({ code: 0 });
});

test("~ is the home directory, in files, variables and options", async () => {
  const { home, stdout } = await withFile(user, '{"stateDir":"~/kept"}');
  expect(stdout).toBe(`${join(home, "kept")} holds no state yet\n`);
  const env = { HOME: home, TU_ANALYZE_STATE_DIR: "~/own" };
  expect((await tool(["state"], { env })).stdout).toContain(join(home, "own"));
  const flagged = await tool(["state", "--state-dir=~/flagged"], { env });
  expect(flagged.stdout).toContain(join(home, "flagged"));
});

test("a variable that is not known, and one with a bad value, get a hint each", async () => {
  const env = { TU_ANALYZE_FLWO: "full", TU_ANALYZE_KEEP_FLOWS: "x" };
  const { stderr } = await tool(["state"], { env });
  expect(stderr).toContain("TU_ANALYZE_KEEP_FLOWS: must be a whole number of flows");
  expect(stderr).toContain("hint: correct it, or remove it for the default");
  expect(stderr).toContain(
    "unknown variable TU_ANALYZE_FLWO\n    hint: did you mean TU_ANALYZE_FLOW?",
  );
});

test("a directory in the place of the user's file is named", async () => {
  const home = await temporaryDirectory();
  await mkdir(join(home, user), { recursive: true });
  const { code, stderr } = await tool(["state"], { env: { HOME: home } });
  expect({ code, told: stderr.split("\n", 1)[0] }).toEqual({
    code: 2,
    told: `E_CONFIG: ${join(home, user)} cannot be read (EISDIR)`,
  });
});

test.skipIf(process.getuid?.() === 0)("a file that may not be read is exit 5", async () => {
  const home = await temporaryDirectory();
  await mkdir(join(home, ".config", "tu-analyze"), { recursive: true });
  await writeFile(join(home, user), "{}");
  await chmod(join(home, user), 0);
  const { code, stderr } = await tool(["state"], { env: { HOME: home } });
  expect({ code, told: stderr.split("\n", 1)[0] }).toEqual({
    code: 5,
    told: `E_FILE_UNREADABLE: ${join(home, user)} cannot be read (EACCES)`,
  });
});

test("a current directory that was removed is told as such", async () => {
  const env = preload("process.cwd = () => { throw new Error('ENOENT, uv_cwd') }");
  const { code, stderr } = await tool(["state"], { env });
  expect(code).toBe(4);
  expect(stderr).toMatch(/^E_FILE_NOT_FOUND: the current directory does not exist any more\n/);
});
