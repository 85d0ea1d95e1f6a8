import { expect, test } from "vitest";
import { sampleEntry, sampleMessage } from "../testing/samples.ts";
import { createKnownMessages } from "./known-messages.ts";

const sender = (ids: readonly string[]) =>
  sampleEntry({
    message: sampleMessage({ id: "cause" }),
    outgoing: ids.map((id) => sampleMessage({ id })),
  });

test("says who sent the very same message", () => {
  const known = createKnownMessages({ nowMs: () => 0 });
  known.add(sender(["m1", "m2"]), 7);
  expect(known.senderOf(sampleMessage({ id: "m1" }))).toEqual([7, 0]);
  expect(known.senderOf(sampleMessage({ id: "m2" }))).toEqual([7, 1]);
  expect(known.senderOf(sampleMessage({ id: "m3" }))).toBeNull();
});

test("one that came back otherwise is its own", () => {
  const known = createKnownMessages({ nowMs: () => 0 });
  known.add(sender(["m1"]), 7);
  for (const other of [
    ...[{ name: "x" }, { kind: "command" as const }, { flowId: "x" }, { causationId: "x" }],
    ...[{ subject: "x" }, { occurredAt: "x" }, { producer: "x" }, { schema: "x" }],
    ...[{ payload: {} }, { headers: { "x-attempt": "2" } }],
  ])
    expect([other, known.senderOf(sampleMessage({ id: "m1", ...other }))]).toEqual([other, null]);
});

test("refers to nothing that may be pruned meanwhile", () => {
  let nowMs = 1_000;
  const known = createKnownMessages({ nowMs: () => nowMs });
  known.add(sender(["m1"]), 7);
  nowMs += 30_000;
  expect(known.senderOf(sampleMessage({ id: "m1" }))).toEqual([7, 0]);
  nowMs += 1;
  expect(known.senderOf(sampleMessage({ id: "m1" }))).toBeNull();
});

test("holds a bounded number, the latest ones", () => {
  const known = createKnownMessages({ nowMs: () => 0 });
  const ids = Array.from({ length: 2_048 }, (_, at) => `m${at}`);
  known.add(sender(ids), 1);
  expect(known.senderOf(sampleMessage({ id: "m0" }))).toEqual([1, 0]);
  known.add(sender(["later", "latest"]), 2);
  const of = (id: string) => known.senderOf(sampleMessage({ id }));
  expect(["m0", "m1", "m2", "later", "latest"].map(of)).toEqual([
    null,
    null,
    [1, 2],
    [2, 0],
    [2, 1],
  ]);
});
