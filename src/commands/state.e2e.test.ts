import { appendFile, cp, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import Libsql from "libsql";
import { beforeAll, describe, expect, test } from "vitest";
import {
  image,
  json,
  komatsuAnswer,
  type Result,
  replaying,
  signalAt,
  temporaryDirectory,
  tool,
} from "./run-tool.samples.ts";

let env: Readonly<Record<string, string>>;
let prepared: string;
beforeAll(async () => {
  env = await replaying({ "komatsu-pc200.jpg": await komatsuAnswer(), "nothing.jpg": {} });
  prepared = join(await temporaryDirectory(), "state");
  const images = [image("komatsu-pc200.jpg"), image("nothing.jpg")];
  const { code } = await tool(["upload", ...images, "--state-dir", prepared], { env });
  expect(code).toBe(0);
});

/** One machine in one picture, and one picture without any. */
async function stateWithTwoFlows(): Promise<string> {
  const stateDir = join(await temporaryDirectory(), "state");
  await cp(prepared, stateDir, { recursive: true });
  return stateDir;
}

/** As if everything had happened that many days ago. */
function makeOlder(stateDir: string, days: number): void {
  const database = new Libsql(join(stateDir, "flow-full.db"));
  database.prepare("UPDATE entry SET at = at - ?").run([days * 86_400_000]);
  database.close();
}

const state = (stateDir: string, ...args: readonly string[]): Promise<Result> =>
  tool(["state", ...args, "--state-dir", stateDir], { env });
const reported = async (stateDir: string) => json(await state(stateDir, "--json"));

test("a directory without state is reported as such, and is not created", async () => {
  const stateDir = join(await temporaryDirectory(), "none");
  expect(await state(stateDir)).toMatchObject({
    code: 0,
    stdout: `${stateDir} holds no state yet\n`,
  });
  for (const command of ["verify", "prune"])
    expect(await state(stateDir, command)).toMatchObject({ code: 0 });
  expect(await reported(stateDir)).toMatchObject({ sizeBytes: 0, flows: [] });
  await expect(readdir(stateDir)).rejects.toMatchObject({ code: "ENOENT" });
});

test("it shows what is kept, how large it is and how old", async () => {
  const stateDir = await stateWithTwoFlows();
  makeOlder(stateDir, 3);
  expect(await reported(stateDir)).toMatchObject({
    flows: [{ flow: "full", finished: 2, underWay: 0, entries: 22, deadLetters: 0 }],
    uploads: { pending: 0, confirmed: 2 },
    machines: { machines: 1, sightings: 1 },
    objects: { objects: 2 },
    limits: { keepFor: "30d", keepFlows: 10_000 },
  });
  const { stdout } = await state(stateDir);
  expect(stdout).toMatch(/flows {5}full: 2 finished, 0 in progress, [\d.]+ KB, last 20/);
  expect(stdout).toMatch(/≤ 7d {3}2 flows/);
  expect(await state(stateDir, "verify")).toMatchObject({
    code: 0,
    stdout: /^all is well: 2 flows/,
  });
});

describe("what is old", () => {
  test("is shown by a dry run, and goes with its picture; the machine stays", async () => {
    const stateDir = await stateWithTwoFlows();
    makeOlder(stateDir, 31);
    const dry = json(await state(stateDir, "prune", "--dry-run", "--json"));
    expect(dry["isDryRun"]).toBe(true);
    const pruned = json(await state(stateDir, "prune", "--json"));
    expect(pruned).toEqual({ ...dry, isDryRun: false });
    expect(pruned["flows"]).toHaveLength(1); // the newest stays
    expect(await state(stateDir, "verify")).toMatchObject({ code: 0 });
    expect(await reported(stateDir)).toMatchObject({
      flows: [{ finished: 1 }],
      machines: { machines: 1 },
    });
  });

  test("goes at the next start by itself, by the settings", async () => {
    const stateDir = await stateWithTwoFlows();
    makeOlder(stateDir, 1);
    const args = ["upload", image("nothing.jpg"), "--state-dir", stateDir];
    const kept = await tool(args, { env });
    expect(kept.stderr).not.toContain("pruned");
    const next = await tool(args, { env: { ...env, TU_ANALYZE_KEEP_FOR: "12h" } });
    expect(next.stderr).toContain("removed 2 finished flows");
    expect(await reported(stateDir)).toMatchObject({ flows: [{ finished: 2 }] });
    expect(await state(stateDir, "verify")).toMatchObject({ code: 0 });
  });

  test("stays while it is under way", async () => {
    const stateDir = join(await temporaryDirectory(), "state");
    // The comparison has taken its command and will not respond, and nobody waits for so long a timeout.
    const fault = ["--fault", "comparison=timeout", "--step-timeout", "comparison=1h"];
    const args = ["--state-dir", stateDir, ...fault];
    const onStdout = signalAt("analysis.comparison.request", "SIGINT");
    const interrupted = await tool(["upload", image("nothing.jpg"), ...args], { env, onStdout });
    expect(interrupted.code).toBe(130);
    await tool(["upload", image("komatsu-pc200.jpg"), "--state-dir", stateDir], { env });
    makeOlder(stateDir, 400);
    expect(await reported(stateDir)).toMatchObject({ flows: [{ underWay: 1 }] });
    expect(await state(stateDir, "prune", "--keep", "0")).toMatchObject({
      stdout: /^removed 0 flows/,
    });
  });
});

describe("clearing", () => {
  test("wants a yes", async () => {
    const stateDir = await stateWithTwoFlows();
    const refused = await state(stateDir, "clear");
    expect(refused).toMatchObject({ code: 9 });
    expect(refused.stderr).toContain("E_NOT_CONFIRMED");
    expect(await reported(stateDir)).toMatchObject({ flows: [{ finished: 2 }] });
  });

  test("leaves the machines, unless they are named too; then it starts anew", async () => {
    const stateDir = await stateWithTwoFlows();
    const cleared = json(await state(stateDir, "clear", "--yes", "--json"));
    expect(cleared).toMatchObject({
      flows: 2,
      uploads: 2,
      objects: 1,
      machinesKept: 1,
      machinesRemoved: 0,
    });
    expect(await state(stateDir, "verify")).toMatchObject({ code: 0 });
    const all = json(await state(stateDir, "clear", "--yes", "--machines", "--json"));
    expect(all).toMatchObject({ objects: 1, machinesKept: 0, machinesRemoved: 1 });
    const after = await tool(["upload", image("komatsu-pc200.jpg"), "--state-dir", stateDir], {
      env,
    });
    expect(after).toMatchObject({ code: 0 });
    expect(await reported(stateDir)).toMatchObject({
      flows: [{ finished: 1 }],
      machines: { machines: 1, sightings: 1 },
    });
  });
});

test("what was cleared cannot be read in the files any more", async () => {
  const stateDir = await stateWithTwoFlows();
  const traces = async () => {
    const names = (await readdir(stateDir, { recursive: true })).filter((name) =>
      /[.]db(?:-wal)?$/.test(name),
    );
    const texts = await Promise.all(names.map((name) => readFile(join(stateDir, name), "latin1")));
    return texts.filter((text) => /PC200-8|images\/[0-9a-f-]{36}/.test(text)).length;
  };
  expect(await traces()).toBeGreaterThan(0);
  const { stdout } = await state(stateDir, "clear", "--yes", "--machines");
  expect(await traces()).toBe(0);
  expect(stdout).toBe(
    `removed 2 flows, 2 uploads, 2 pictures, 1 machine from ${stateDir}\nthe database files stay, empty, for the next run\n`,
  );
  const names = await readdir(stateDir, { recursive: true, withFileTypes: true });
  const files = names.filter((one) => one.isFile()).map(({ name }) => join(stateDir, name));
  const sizes = await Promise.all(files.map(async (file) => (await stat(file)).size));
  const sizeBytes = sizes.reduce((sum, size) => sum + size, 0);
  expect(await reported(stateDir)).toMatchObject({ sizeBytes });
});

test("verifying tells of a picture that is damaged, and of one that is gone", async () => {
  const stateDir = await stateWithTwoFlows();
  const folder = join(stateDir, "objects", "objects");
  const [first = "", second = ""] = (await readdir(folder)).toSorted();
  await appendFile(join(folder, first), "x"); // its footer is no longer at the end
  await rm(join(folder, second));
  const { code, stdout } = await state(stateDir, "verify", "--json");
  expect(code).toBe(1);
  const { problems } = JSON.parse(stdout) as { problems: { about: string; problem: string }[] };
  const about = (what: string) => problems.filter((problem) => problem.about === what).length;
  expect([about("machine"), about("upload"), problems.length]).toEqual([1, 2, 3]);
});

test.each([
  [["prune", "--keep", "many"], "--keep many"],
  [["prune", "--older-than", "5"], "--older-than 5"],
  [["prnue"], "did you mean prune?"],
])("state %j is a usage error", async (args, named) => {
  const { code, stderr } = await state(join(await temporaryDirectory(), "s"), ...args);
  expect(code).toBe(2);
  expect(stderr).toContain(named);
});
