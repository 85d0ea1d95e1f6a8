import { beforeEach, describe, expect, test } from "vitest";
import { createRandomIds } from "../../adapters/memory/ids.ts";
import { createMemoryJournal } from "../../adapters/memory/journal.ts";
import { findContract } from "../contracts/catalogue.ts";
import { TuError } from "../errors.ts";
import type { Message } from "../message.ts";
import { type Journal, parking } from "../ports/journal.ts";
import { toUtf8 } from "./bytes.ts";
import { createConsumer } from "./consume.ts";
import { deliveryFromLog, deliveryFromQueue } from "./delivery.ts";
import type { Service } from "./service.ts";
import { believing, idleTimers, takingRelay } from "./shell.samples.ts";
import type { ShellPorts } from "./shell.ts";

const contract = findContract("tu.images.uploaded");
if (contract === undefined) throw new Error("no such message");
const expected = { contract, route: contract.routes[0] };
const receivedNow = () => new Date(nowMs++).toISOString();
const nobody = async () => undefined;

let nowMs: number;
let letters: Message[];
let failure: Error;
let ports: ShellPorts;

beforeEach(() => {
  nowMs = 1_767_225_600_000;
  letters = [];
  failure = new TypeError("broken");
  ports = {
    journal: createMemoryJournal(),
    ids: createRandomIds(),
    clock: { nowMs: () => nowMs++, sleep: nobody },
    timers: idleTimers,
    reporter: { hop: () => undefined, notice: () => undefined },
    handsOnEarly: false,
    links: believing,
    relay: takingRelay((messages) => void letters.push(...messages)),
  };
});

const failing: Service = {
  name: "svc-messaging-bridge",
  endpoints: [],
  handlers: { "tu.images.uploaded": () => Promise.reject(failure) },
  prefetch: 1,
};
const good = JSON.stringify(contract.example);
const headers = { "x-message-id": "m", "x-correlation-id": "f" };

const fromLog = (body: string, offset = 7) => {
  const record = {
    topic: "tu.images.uploaded",
    key: toUtf8("k"),
    headers: Object.entries(headers).map(([name, value]) => ({ name, value: toUtf8(value) })),
    body: toUtf8(body),
  };
  const delivery = { ...record, partition: 0, offset, commit: nobody, retry: nobody };
  return deliveryFromLog(delivery, expected, receivedNow());
};
const fromQueue = (body: string, redelivered: boolean) => {
  const message = { routingKey: "k", headers, properties: {}, body: toUtf8(body) };
  const place = { exchange: "e", queue: "q", redelivered, ack: nobody, nack: nobody };
  return deliveryFromQueue({ ...message, ...place }, expected, receivedNow());
};
/** Every call is a separate process, which dies before it can settle what it parked. */
const deliverTo = async (journal: Journal, arrived: ReturnType<typeof fromLog>, times = 1) => {
  for (let time = 0; time < times; time += 1) {
    const consumer = createConsumer(failing, { ...ports, journal });
    const settle = { done: () => Promise.reject(new Error("dead")), again: nobody };
    await consumer.onArrived(arrived, settle).catch(() => undefined);
  }
};
const deliver = (arrived: ReturnType<typeof fromLog>, times?: number) =>
  deliverTo(ports.journal, arrived, times);
const expectOneLetter = (sent: number) => {
  expect(letters).toHaveLength(sent);
  for (const letter of letters) expect(letter).toEqual(letters[0]);
};
const idsOf = () => new Set(letters.map(({ id }) => id));

describe("a delivery is parked once", () => {
  test("even if its record failed after taking effect: the letter is the recorded one", async () => {
    let isFailing = true;
    const journal: Journal = {
      ...ports.journal,
      async record(entry) {
        const result = await ports.journal.record(entry);
        if (entry.consumer !== parking || !isFailing) return result;
        isFailing = false;
        throw new TuError("E_STATE_BUSY", "recorded all the same");
      },
    };
    await deliverTo(journal, fromQueue("{", false));
    await deliverTo(journal, fromQueue("{", true), 2);
    expectOneLetter(2);
    expect(JSON.stringify(letters[0]?.payload)).toContain('["x-dead-attempts","1"]');
  });

  test("even if a log redelivers what could not be committed", async () => {
    await deliver(fromLog("{"), 3);
    expectOneLetter(3);
    letters = [];
    await deliver(fromLog(good, 8), 16);
    expectOneLetter(2);
  });

  test("even if a queue redelivers what could not be acknowledged", async () => {
    await deliver(fromQueue("{", false));
    await deliver(fromQueue("{", true), 2);
    expectOneLetter(3);
    letters = [];
    await deliver(fromQueue(good, false));
    await deliver(fromQueue(good, true), 9);
    expectOneLetter(3);
  });

  test("even if a process still holds it after another has parked it", async () => {
    const held = fromQueue("{", false);
    await deliver(fromQueue("{", true));
    await deliver(held);
    expect(letters).toHaveLength(2);
    expect(idsOf().size).toBe(1);
  });
});

describe("a replay gets its own attempts and its own letter", () => {
  test("from a log", async () => {
    await deliver(fromLog("{"));
    await deliver(fromLog("{", 8));
    expect(idsOf().size).toBe(2);
    await deliver(fromLog(good, 9), 8);
    await deliver(fromLog(good, 10), 7);
    expect(idsOf().size).toBe(3);
    await deliver(fromLog(good, 10));
    expect(idsOf().size).toBe(4);
  });

  test("from a queue", async () => {
    await deliver(fromQueue("{", false));
    await deliver(fromQueue("{", false));
    expect(idsOf().size).toBe(2);
    letters = [];
    await deliver(fromQueue(good, false), 1);
    await deliver(fromQueue(good, true), 7);
    expect(letters).toHaveLength(1);
    await deliver(fromQueue(good, false), 1);
    await deliver(fromQueue(good, true), 6);
    expect(letters).toHaveLength(1);
    await deliver(fromQueue(good, true));
    expect(idsOf().size).toBe(2);
  });

  test("unless a store was in trouble: a queue then marks it as redelivered", async () => {
    await deliver(fromQueue(good, false), 1);
    await deliver(fromQueue(good, true), 7);
    const consumer = createConsumer(failing, ports);
    const settle = { done: nobody, again: nobody };
    failure = new TuError("E_STATE_BUSY", "held by somebody else");
    await consumer.onArrived(fromQueue(good, false), settle);
    failure = new TypeError("broken");
    await consumer.onArrived(fromQueue(good, true), settle);
    expect(letters).toHaveLength(2);
    expect(idsOf().size).toBe(1);
  });
});

test("a notice names who parked what, from where, and why", async () => {
  const told: unknown[] = [];
  ports = { ...ports, reporter: { ...ports.reporter, notice: (notice) => void told.push(notice) } };
  const settle = { done: nobody, again: nobody };
  await createConsumer(failing, ports).onArrived(fromQueue("{", false), settle);
  expect(told.at(-1)).toEqual({
    code: "E_MESSAGE_INVALID",
    message: "svc-messaging-bridge parked tu.images.uploaded (rabbitmq:q): the body is not JSON",
    flowId: "f",
  });
});

test("the record of a letter names what it parks, and its envelope what is known", async () => {
  const recorded: unknown[] = [];
  const journal: Journal = {
    ...ports.journal,
    record: (entry) => {
      recorded.push(entry);
      return ports.journal.record(entry);
    },
  };
  const raw = fromQueue("{", false);
  const { "x-correlation-id": _, ...unidentified } = raw.headers;
  await deliverTo(journal, { ...raw, headers: { ...unidentified, "x-producer": "somebody" } });
  await deliverTo(journal, { ...raw, origin: "rabbitmq:other", headers: {} });
  await deliverTo(journal, { ...raw, body: toUtf8("[") });
  expect(recorded).toMatchObject([
    { message: { producer: "somebody", payload: null, subject: "k" } },
    { message: { producer: contract.routes[0].producerHeader } },
    { message: { flowId: "f", producer: contract.routes[0].producerHeader } },
  ]);
  const parked = recorded.map((entry) => (entry as { parks: unknown }).parks);
  const ids = new Set(parked.map((one) => (one as { messageId: string }).messageId));
  // The same bytes at another position, or others at the same, are a different message.
  expect(ids.size).toBe(3);
  expect(parked).toEqual(
    [...ids].map((messageId) => ({ consumer: "svc-messaging-bridge", messageId })),
  );
  // Without the id of a flow it gets one of its own.
  const [first] = recorded as { message: Message; parks: { messageId: string } }[];
  expect(first?.message.flowId).toBe(first?.parks.messageId);
});
