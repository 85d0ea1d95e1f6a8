import { describe, expect, test } from "vitest";
import type { Message } from "../../pipeline/message.ts";
import { sampleMessage } from "../testing/samples.ts";
import { consequencesText, messageOf, messageText, packed, toJournalEntry } from "./entry-row.ts";
import { keyOf } from "./keys.ts";

const cause = sampleMessage({ id: "cause", name: "asked" });
/** What is written and what is left out where a message says the same as its cause. */
const caused = (values: Partial<Message> = {}) =>
  sampleMessage({ id: "caused", name: "told", schema: "told.v1", causationId: "cause", ...values });
const shared = { headers: {}, occurredAt: cause.occurredAt, producer: cause.producer };
const columns = { message_id: keyOf("cause"), flow_id: keyOf(cause.flowId) };
const written = (outgoing: readonly Message[]) =>
  JSON.parse(consequencesText({ message: cause, outgoing, timers: [] }) ?? "null");
const readBack = (outgoing: readonly Message[]) => {
  const consequences = consequencesText({ message: cause, outgoing, timers: [] });
  return toJournalEntry({ ...columns, consequences }).outgoing;
};

test("a caused message writes what only it can say", () => {
  const { id, kind, name, payload } = caused();
  expect(written([caused()])).toEqual({
    v: 4,
    subject: cause.subject,
    common: shared,
    outgoing: [{ id, kind, name, payload }],
  });
  expect(readBack([caused()])).toEqual([caused()]);
});

describe("what it does not share is its own", () => {
  test.each<Partial<Message>>([
    { flowId: "another" },
    { causationId: "another" },
    { causationId: null },
    { subject: "another" },
    { schema: "told.v2" },
  ])("%j", (own) => {
    expect(written([caused(own)]).outgoing[0]).toMatchObject(own);
    expect(readBack([caused(own)])).toEqual([caused(own)]);
  });

  // Common is what the first one says.
  test.each<Partial<Message>>([
    { occurredAt: "2025-11-22T10:00:00.001Z" },
    { producer: "another" },
    { headers: { traceparent: "00-1" } },
  ])("%j, beside one that is as usual", (own) => {
    const two = [caused(), caused({ id: "second", ...own })];
    expect(written(two).outgoing[1]).toMatchObject(own);
    expect(Object.keys(written(two).outgoing[0])).toEqual(["id", "name", "kind", "payload"]);
    expect(readBack(two)).toEqual(two);
    expect(readBack(two.toReversed())).toEqual(two.toReversed());
  });

  test.each<[Message["headers"], Message["headers"]]>([
    [{ a: "1", b: "2" }, { a: "1" }],
    [{ a: "1" }, { a: "1", b: "2" }],
    [
      { a: "1", b: "2" },
      { a: "1", b: "3" },
    ],
    [
      { a: "1", b: "2" },
      { a: "1", c: "2" },
    ],
  ])("headers %j and %j", (one, other) => {
    const two = [caused({ headers: one }), caused({ id: "second", headers: other })];
    expect(written(two).outgoing[1].headers).toEqual(other);
    expect(readBack(two)).toEqual(two);
  });

  test("equal headers are written once", () => {
    const two = [caused({ headers: { a: "1" } }), caused({ id: "second", headers: { a: "1" } })];
    expect(written(two).outgoing[1]).not.toHaveProperty("headers");
    expect(readBack(two)).toEqual(two);
  });
});

test("a timer alone is written like a message", () => {
  const timer = { dueAtMs: 5, owner: "svc-a", message: caused({ kind: "timer" }) };
  const consequences = consequencesText({ message: cause, outgoing: [], timers: [timer] });
  expect(JSON.parse(consequences ?? "")).toMatchObject({ common: shared });
  expect(toJournalEntry({ ...columns, consequences })).toEqual({ outgoing: [], timers: [timer] });
});

test("what was parked is written without anything else", () => {
  const parks = { consumer: "svc-b", messageId: "m9" };
  const consequences = consequencesText({ message: cause, outgoing: [], timers: [], parks });
  expect(JSON.parse(consequences ?? "")).toEqual({ v: 4, subject: cause.subject, parks });
  expect(toJournalEntry({ ...columns, consequences })).toEqual({ outgoing: [], timers: [], parks });
});

test("where nothing follows nothing is written", () => {
  expect(consequencesText({ message: cause, outgoing: [], timers: [] })).toBeNull();
  expect(toJournalEntry({ ...columns, consequences: null })).toEqual({ outgoing: [], timers: [] });
});

describe("the message that was taken", () => {
  const refers = (from_seq: number | null, from_position: number | null) => ({
    ...{ ...columns, message: null },
    ...{ from_seq, from_position },
  });

  test("says itself, packed or not", () => {
    const text = messageText(cause);
    const itself = { ...columns, from_seq: null, from_position: null };
    expect(messageOf({ ...itself, message: text })).toEqual(cause);
    expect(messageOf({ ...itself, message: packed(text.padEnd(600)) })).toEqual(cause);
  });

  test("or who sent it", () => expect(messageOf(refers(3, 0))).toEqual([3, 0]));

  test.each([refers(3, null), refers(null, 0), refers(null, null)])(
    "or is a mistake: %j",
    (row) => {
      expect(() => messageOf(row)).toThrow(
        "the entry of message cause names neither it nor its sender",
      );
    },
  );
});

test("a text is packed from where it pays, and what is packed stays", () => {
  expect(packed(null)).toBeNull();
  expect(packed("x".repeat(511))).toBe("x".repeat(511));
  const small = packed("x".repeat(512));
  expect(small).toBeInstanceOf(Uint8Array);
  expect(packed(small)).toBe(small);
});
