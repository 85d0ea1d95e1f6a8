import { expect, test } from "vitest";
import { createRandomIds } from "../../adapters/memory/ids.ts";
import { findContract } from "../contracts/catalogue.ts";
import type { Message } from "../message.ts";
import { toJournalEntry } from "./journal-entry.ts";
import type { Reaction } from "./service.ts";

const ids = createRandomIds();
const uploaded = findContract("tu.images.uploaded")?.example;
const cause: Message = {
  id: "m1",
  name: "tu.images.uploaded",
  kind: "event",
  flowId: "f1",
  causationId: "m0",
  subject: "images/a.png",
  occurredAt: "2026-01-01T00:00:00.000Z",
  producer: "tu-ingestion-service",
  schema: "tu.images.uploaded.v1",
  headers: { traceparent: "00-1-2-03", "x-attempt": "2", other: "stays behind" },
  payload: uploaded,
};
const draft = { name: "tu.image.uploaded", payload: uploaded };
const timer = { name: "later", payload: { a: 1 }, delayMs: 500 };
const nowMs = Date.parse("2026-01-01T00:01:00.000Z");
const follow = (reaction: Reaction, service = "svc-messaging-bridge", from = cause) =>
  toJournalEntry(from, reaction, { service, ids, nowMs });

test("the trace is passed on to messages and timers, and no other header is", () => {
  const { outgoing, timers } = follow({ outgoing: [draft], timers: [timer] });
  expect(outgoing[0]?.headers).toEqual({ traceparent: "00-1-2-03" });
  expect(timers[0]?.message.headers).toEqual({ traceparent: "00-1-2-03" });
});

test("a service's own headers stand beside the trace", () => {
  const { outgoing } = follow({ outgoing: [{ ...draft, headers: { "x-attempt": "1" } }] });
  expect(outgoing[0]?.headers).toEqual({ traceparent: "00-1-2-03", "x-attempt": "1" });
});

test("a message inherits flow and subject from its cause, unless it has its own", () => {
  const { consumer, message, outgoing } = follow({
    outgoing: [draft, { ...draft, subject: "images/b.png" }],
  });
  expect(consumer).toBe("svc-messaging-bridge");
  expect(message).toBe(cause);
  expect(outgoing[0]).toMatchObject({
    name: "tu.image.uploaded",
    kind: "event",
    flowId: "f1",
    causationId: "m1",
    subject: "images/a.png",
    occurredAt: "2026-01-01T00:01:00.000Z",
    producer: "svc-messaging-bridge",
  });
  expect(outgoing[1]?.subject).toBe("images/b.png");
});

test("a timer is due after its delay, and belongs to its service", () => {
  const { timers } = follow({ outgoing: [], timers: [timer, { ...timer, isPatience: true }] });
  expect(timers[0]).toEqual({
    owner: "svc-messaging-bridge",
    dueAtMs: nowMs + 500,
    message: {
      id: timers[0]?.message.id,
      name: "later",
      kind: "timer",
      flowId: "f1",
      causationId: "m1",
      subject: "images/a.png",
      occurredAt: "2026-01-01T00:01:00.000Z",
      producer: "svc-messaging-bridge",
      schema: "later.v1",
      headers: { traceparent: "00-1-2-03" },
      payload: { a: 1 },
    },
  });
  expect(timers[1]?.isPatience).toBe(true);
});

test("the same cause gives the same ids, and each message its own", () => {
  const reaction = { outgoing: [draft, draft], timers: [timer, timer, { ...timer, name: "z" }] };
  const idsOf = ({ outgoing, timers }: ReturnType<typeof follow>) => [
    ...outgoing.map(({ id }) => id),
    ...timers.map(({ message }) => message.id),
  ];
  const first = idsOf(follow(reaction));
  expect(idsOf(follow(reaction))).toEqual(first);
  expect(new Set(first).size).toBe(5);
  const other = idsOf(follow(reaction, "svc-messaging-bridge", { ...cause, id: "m2" }));
  expect(first.filter((id) => other.includes(id))).toEqual([]);
});

test("a recorded message has only fields that its contract names", () => {
  const { outgoing } = follow({ outgoing: [{ ...draft, payload: { ...uploaded, extra: 1 } }] });
  expect(outgoing[0]?.payload).toEqual(uploaded);
  const unknown = { outgoing: [{ ...draft, payload: { nonsense: true } }] };
  expect(follow(unknown).outgoing[0]?.payload).toEqual({ nonsense: true });
});

test.each([
  ["nobody knows", "no.such.message", "svc-messaging-bridge"],
  ["another service sends", "tu.image.uploaded", "comparison-service"],
])("a message that %s is refused", (_, name, service) => {
  const refused = () => follow({ outgoing: [{ ...draft, name }] }, service);
  expect(refused).toThrow(
    expect.objectContaining({
      code: "E_MESSAGE_UNKNOWN",
      message: `${service} does not send ${name}`,
    }),
  );
});
