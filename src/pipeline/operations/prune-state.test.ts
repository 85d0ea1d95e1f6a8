import { expect, test } from "vitest";
import { TuError } from "../errors.ts";
import type { FlowRetention } from "../ports/flow-retention.ts";
import { PruneReport } from "../reports/state.ts";
import { clock, contentsOf, dayMs, ended, keptWith } from "./kept.samples.ts";
import { compactFiles, pruneState } from "./prune-state.ts";

const limits = { olderThanMs: 30 * dayMs, most: null };
const { signal } = new AbortController();
const idsIn = ({ flows }: PruneReport) => flows.map(({ flowId }) => flowId);

test("a dry run reports what would be removed, and removes nothing", async () => {
  const { kept, left } = await keptWith([ended("a", 40), ended("b", 3)]);
  const before = await contentsOf(kept);
  const report = await pruneState(kept, { limits, clock, signal, isDryRun: true });
  expect(PruneReport.parse(report)).toEqual(report);
  expect(report).toMatchObject({ isDryRun: true, flows: [{ flowId: "a", flow: "full" }] });
  expect(report.uploads).toEqual(["a"]);
  expect(left()).toEqual(["a", "b"]);
  expect(await contentsOf(kept)).toEqual(before);
});

test("what was removed is reported, unlike flows touched meanwhile", async () => {
  const { kept, left } = await keptWith([ended("a", 40), ended("b", 35), ended("c", 3)]);
  const [[, journal] = []] = kept.journals;
  if (journal === undefined) throw new Error("the sample has a journal");
  const { remove } = journal;
  journal.remove = (flowIds) => remove(flowIds.filter((flowId) => flowId !== "b"));
  const report = await pruneState(kept, { limits, clock, signal });
  expect(idsIn(report)).toEqual(["a"]);
  expect(left()).toEqual(["b", "c"]);
});

test("it stops when aborted, before the next batch", async () => {
  const { kept, left } = await keptWith([ended("a", 40)]);
  const stopped = AbortSignal.abort(new Error("stopped"));
  await expect(pruneState(kept, { limits, clock, signal: stopped })).rejects.toThrow("stopped");
  expect(left()).toEqual(["a"]);
});

test("without state there is nothing to remove", async () => {
  const report = await pruneState(null, { limits, clock, signal });
  expect(report).toEqual({
    ...{ schema: "tu-analyze/state-prune@1", isDryRun: false },
    ...{ flows: [], uploads: [], objects: [] },
  });
});

test("a file in use keeps its size, and the others are compacted; anything else is thrown", async () => {
  const compacted: string[] = [];
  const journal = (name: string, error?: Error) =>
    ({
      compact: async () => {
        if (error !== undefined) throw error;
        compacted.push(name);
      },
    }) as FlowRetention; // nothing else is called
  const busy = journal("busy", new TuError("E_STATE_BUSY", "in use", { hint: "" }));
  const both = new Map([
    ["busy", busy],
    ["full", journal("full")],
  ]);
  expect(await compactFiles(both.values())).toBe(false);
  expect(compacted).toEqual(["full"]);
  expect(await compactFiles([journal("full")])).toBe(true);
  const broken = new Map([["full", journal("full", new Error("disk"))]]);
  await expect(compactFiles(broken.values())).rejects.toThrow("disk");
});
