import { expect, test } from "vitest";
import { StateReport } from "../reports/state.ts";
import { describeState } from "./describe-state.ts";
import { begin, ended, keptWith, nowMs } from "./kept.samples.ts";

const about = {
  directory: "/state",
  limits: { keepFor: "30d", keepFlows: 100 },
  nowMs,
};

test("a directory without state keeps nothing", async () => {
  const report = { ...(await describeState(null, about)), sizeBytes: 0 };
  expect(StateReport.parse(report)).toEqual(report);
  expect(report).toMatchObject({ directory: "/state", flows: [], objects: { objects: 0 } });
});

test("flows are counted by age, each once, with what is under way and parked", async () => {
  const { kept } = await keptWith([
    ended("a", 31),
    ended("b", 30),
    ended("c", 7, { deadLetters: 2 }),
    ended("d", 1),
    ended("e", 0, { isFinished: false, isRemovable: false, sizeBytes: 500 }),
  ]);
  await begin(kept, "never-confirmed");
  const report = await describeState(kept, about);
  expect(report.flows).toEqual([
    {
      flow: "full",
      finished: 4,
      underWay: 1,
      entries: 55,
      sizeBytes: 28_500,
      deadLetters: 2,
      oldestAt: "2026-05-01T00:00:00.000Z",
      newestAt: "2026-06-01T00:00:00.000Z",
      ages: [
        { upTo: "1d", flows: 2, sizeBytes: 7_500 },
        { upTo: "7d", flows: 1, sizeBytes: 7_000 },
        { upTo: "30d", flows: 1, sizeBytes: 7_000 },
        { upTo: null, flows: 1, sizeBytes: 7_000 },
      ],
    },
  ]);
  expect(report.uploads).toEqual({ pending: 6, confirmed: 0 });
  expect(report.objects).toEqual({ objects: 6, sizeBytes: 6 });
});
