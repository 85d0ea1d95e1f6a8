import { beforeEach, expect, test } from "vitest";
import { createRandomIds } from "../../adapters/memory/ids.ts";
import { createMemoryJournal } from "../../adapters/memory/journal.ts";
import { findContract } from "../contracts/catalogue.ts";
import type { Message } from "../message.ts";
import type { Journal } from "../ports/journal.ts";
import { toUtf8 } from "./bytes.ts";
import { deliveryFromQueue } from "./delivery.ts";
import { createUnidentified, type Unidentified } from "./unidentified.ts";

const contract = findContract("tu.recognition.completed");
const route = contract?.routes[1];
if (contract === undefined || route === undefined) throw new Error("no such message");

const consumer = "svc-analysis-orchestrator";
const ids = createRandomIds();
const reporter = { hop: () => undefined, notice: () => undefined };
const shared = createMemoryJournal();
let journal: Journal;
let unidentified: Unidentified;
const open = () => createUnidentified(consumer, { ids, journal, reporter });
beforeEach(() => {
  journal = createMemoryJournal();
  unidentified = open();
});

const settled = { done: async () => undefined, again: async () => undefined };
async function deliver(
  redelivered: boolean,
  { by = unidentified, body = "{}", settle = settled } = {},
) {
  const delivery = {
    ...{ exchange: "e", routingKey: "", headers: {}, properties: {}, body: toUtf8(body) },
    ...{ queue: "q", redelivered, ack: settle.done, nack: settled.done },
  };
  const arrived = deliveryFromQueue(
    delivery,
    { contract, route } as never,
    "2026-01-01T00:00:00.000Z",
  );
  const named = await by.named(arrived, settle);
  return { id: String(named.arrived.headers["x-message-id"]), settle: named.settle };
}
async function record(id: string): Promise<void> {
  const message: Message = {
    ...{ id, name: "tu.recognition.completed", kind: "event", flowId: "f", causationId: null },
    ...{ subject: "", occurredAt: "2026-01-01T00:00:00.000Z", producer: "p", schema: "s" },
    ...{ headers: {}, payload: {} },
  };
  await journal.record({ consumer, message, outgoing: [], timers: [], flow: null });
}
/** Delivers, records and acknowledges. */
async function workOff(): Promise<string> {
  const { id, settle } = await deliver(false);
  await record(id);
  await settle.done();
  return id;
}

test("identical first deliveries are separate events, even concurrently and in the next process", async () => {
  const both = await Promise.all([deliver(false), deliver(false)]);
  const seen = both.map(({ id }) => id);
  for (const { id, settle } of both) {
    await record(id);
    await settle.done();
  }
  for (let time = 0; time < 5; time += 1) seen.push(await workOff());
  unidentified = open();
  for (let time = 0; time < 5; time += 1) seen.push(await workOff());
  expect(new Set(seen).size).toBe(12);
});

test("other bodies have other ids", async () => {
  const one = await deliver(false);
  const other = await deliver(false, { body: "[]" });
  expect(one.id).not.toBe(other.id);
});

test("a redelivery is the delivery that was given back", async () => {
  const [first, second] = [await deliver(false), await deliver(false)];
  await second.settle.again(0);
  expect((await deliver(true)).id).toBe(second.id);
  await first.settle.again(0);
  expect((await deliver(true)).id).toBe(first.id);
});

test("a redelivery is the delivery that could not be acknowledged", async () => {
  const lost = { ...settled, done: () => Promise.reject(new Error("connection lost")) };
  const { id, settle } = await deliver(false, { settle: lost });
  await expect(settle.done()).rejects.toThrow("connection lost");
  expect((await deliver(true)).id).toBe(id);
});

test("the next process knows what was recorded and not acknowledged", async () => {
  const { id } = await deliver(false);
  await record(id);
  const next = open();
  const again = await deliver(true, { by: next });
  expect(again.id).toBe(id);
  await again.settle.done();
  expect((await deliver(true, { by: next })).id).not.toBe(id);
});

test("an undecided event is not mistaken for an acknowledged one", async () => {
  const id = await workOff();
  const next = open();
  const undecided = await deliver(true, { by: next });
  expect(undecided.id).not.toBe(id);
  // While undecided it keeps its id wherever it arrives, so that its attempts add up.
  expect((await deliver(true, { by: open() })).id).toBe(undecided.id);
});

test("after a failure of the journal the redelivery still gets an id", async () => {
  let isBroken = true;
  const find: Journal["find"] = (...args) =>
    isBroken ? Promise.reject(new Error("broken")) : shared.find(...args);
  unidentified = createUnidentified(consumer, { ids, journal: { ...shared, find }, reporter });
  await expect(deliver(false)).rejects.toThrow("broken");
  isBroken = false;
  expect((await deliver(true)).id).toMatch(/^[0-9a-f-]{36}$/);
});
