import { expect, test } from "vitest";
import { flowNamed } from "../flows/flow.ts";
import type { Hop } from "../ports/reporter.ts";
import { sampleHop } from "./hop.samples.ts";
import { firstMissing, toStory } from "./story.ts";

test("a story is in the order of time, each hop with what passed since the one before", () => {
  const told = toStory([
    sampleHop({ messageId: "b", atMs: 1_040 }),
    sampleHop({ messageId: "a", atMs: 1_000 }),
    sampleHop({ messageId: "c", atMs: 1_040 }),
  ]);
  expect(told.map(({ messageId, sincePreviousMs }) => [messageId, sincePreviousMs])).toEqual([
    ["a", 0],
    ["b", 40],
    ["c", 0],
  ]);
  expect(told[0]).toMatchObject({ at: "1970-01-01T00:00:01.000Z", name: "analysis.started" });
  expect(told[0]).not.toHaveProperty("flowId");
});

test("a redelivery is no second hop; the same message at another consumer is, and so is a request", () => {
  const request = { messageId: null, name: "GET object", kind: "request" } as const;
  const told = toStory([
    sampleHop({ to: "graph-gateway" }),
    sampleHop({ to: "graph-gateway", atMs: 2_000 }),
    sampleHop({ to: "svc-machine-storage", atMs: 1_001 }),
    sampleHop({ ...request, atMs: 1_002 }),
    sampleHop({ ...request, atMs: 1_003 }),
  ]);
  expect(told.map(({ name, to }) => `${name} ${to}`)).toEqual([
    "analysis.started graph-gateway",
    "analysis.started svc-machine-storage",
    "GET object graph-gateway",
    "GET object graph-gateway",
  ]);
});

test.each(["full", "current"] as const)("a whole story of flow %s misses nothing", (name) => {
  const flow = flowNamed(name);
  const whole = flow.hops.map((hop) => sampleHop(hop as Partial<Hop>));
  expect(firstMissing(flow, whole)).toBeUndefined();
  expect(firstMissing(flow, [])).toBe(flow.hops[0]);
  for (const [index, missing] of flow.hops.entries())
    expect(firstMissing(flow, whole.toSpliced(index, 1))).toBe(missing);
});

test("a hop between others than it should be is not the one that is missed", () => {
  const flow = flowNamed("full");
  const [first] = flow.hops;
  const elsewhere = flow.hops.map((hop) => sampleHop({ ...(hop as Partial<Hop>), to: "nobody" }));
  expect(firstMissing(flow, elsewhere)).toBe(first);
});
