import { cp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  image,
  json,
  komatsuAnswer,
  replaying,
  root,
  temporaryDirectory,
  tool,
} from "./run-tool.samples.ts";

// State directories as left behind by versions with earlier schemas; fixtures/state/README.md describes their
// content.
const kept = join(root, "fixtures", "state");
const schemas = (await readdir(kept)).filter((name) => /^\d+$/.test(name));

async function stateOf(schema: string): Promise<string> {
  const directory = join(await temporaryDirectory(), "state");
  await cp(join(kept, schema), directory, { recursive: true });
  return directory;
}
const replay = async () =>
  replaying({ "komatsu-pc200.jpg": await komatsuAnswer(), "nothing.jpg": {} });

describe.each(schemas)("a state directory of schema %s", (schema) => {
  test("is finished: what was killed ends, the machine is saved once", async () => {
    const stateDir = await stateOf(schema);
    const env = await replay();
    const next = await tool(["upload", image("nothing.jpg"), "--state-dir", stateDir], { env });
    expect(next).toMatchObject({ code: 0 });
    expect(next.stderr.match(/left by an earlier run/g)).toHaveLength(1);
    for (const file of ["state.db", "flow-full.db"])
      expect(next.stderr).toContain(`migrating ${join(stateDir, file)} to this version`);
    const listed = json(await tool(["machines", "--json", "--state-dir", stateDir]));
    const machines = listed["machines"] as { model: string; sightings: unknown[] }[]; // according to its schema
    expect(machines.map(({ model, sightings }) => [model, sightings.length])).toEqual([
      ["PC200-8", 1],
      ["PC200-8", 1],
    ]);
    const third = await tool(["upload", image("nothing.jpg"), "--state-dir", stateDir], { env });
    expect(third.stderr).not.toContain("left by an earlier run");
    expect(third.stderr).not.toContain("migrating");
  });

  test("says so also where it is only looked at", async () => {
    for (const command of [["machines"], ["state"]]) {
      const stateDir = await stateOf(schema);
      const seen = await tool([...command, "--json", "--state-dir", stateDir]);
      expect(seen).toMatchObject({ code: 0 });
      expect(seen.stderr).toContain(`migrating ${join(stateDir, "state.db")} to this version`);
      expect(json(seen)).toHaveProperty("schema");
    }
  });

  test("is finished in the other flow too", async () => {
    const stateDir = await stateOf(schema);
    const args = ["upload", image("nothing.jpg"), "--state-dir", stateDir, "--flow", "current"];
    const next = await tool(args, { env: await replay() });
    expect(next).toMatchObject({ code: 0 });
    expect(next.stderr.match(/left by an earlier run/g)).toHaveLength(1);
    expect(next.stderr).toMatch(/resumed: flow \S+ completed/);
  });

  test("of which the objects are gone is finished as well", async () => {
    const stateDir = await stateOf(schema);
    await rm(join(stateDir, "objects"), { recursive: true });
    const args = ["upload", image("nothing.jpg"), "--state-dir", stateDir];
    const next = await tool(args, { env: await replay() });
    expect(next).toMatchObject({ code: 0 });
    expect(next.stderr).toMatch(/resumed: flow \S+ failed in step \w+: E_\w+: /);
    const third = await tool(args, { env: await replay() });
    expect(third.stderr).not.toContain("left by an earlier run");
  });
});
