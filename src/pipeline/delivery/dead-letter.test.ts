import fc from "fast-check";
import { expect, test } from "vitest";
import { createRandomIds } from "../../adapters/memory/ids.ts";
import { createMemoryJournal } from "../../adapters/memory/journal.ts";
import { findContract } from "../contracts/catalogue.ts";
import type { Contract } from "../contracts/contract.ts";
import type { Message } from "../message.ts";
import type { AmqpValue, QueueDelivery } from "../ports/broker.ts";
import type { LogDelivery } from "../ports/event-log.ts";
import { toUtf8 } from "./bytes.ts";
import { toDeadLetter } from "./dead-letter.ts";
import { deliveryFromLog, deliveryFromQueue } from "./delivery.ts";
import { envelopeOfUnreadable, park } from "./park.ts";
import { believing, idleTimers, takingRelay } from "./shell.samples.ts";
import type { ShellPorts } from "./shell.ts";
import type { Delivery } from "./wire.ts";

const named = (name: string): Contract => {
  const contract = findContract(name);
  if (contract === undefined) throw new Error(`no ${name}`);
  return contract;
};
const bytes = (...values: number[]) => Uint8Array.from(values);
const settled = async () => undefined;
const receivedAt = "2026-01-01T00:00:00.000Z";

const fromLog = (record: Pick<LogDelivery, "key" | "headers" | "body">): Delivery => {
  const contract = named("tu.images.uploaded");
  const place = { topic: "tu.images.uploaded", partition: 2, offset: 7 };
  const delivery = { ...record, ...place, commit: settled, retry: settled };
  return deliveryFromLog(delivery, { contract, route: contract.routes[0] }, receivedAt);
};
const fromQueue = (
  given: Pick<QueueDelivery, "headers" | "properties" | "body" | "routingKey">,
): Delivery => {
  const contract = named("tu.image.uploaded");
  const rest = { exchange: "tu.image.uploaded", queue: "orchestrator.image-uploaded" };
  const delivery = { ...given, ...rest, redelivered: false, ack: settled, nack: settled };
  const expected = { contract, route: contract.routes[0] };
  return deliveryFromQueue(delivery, expected, receivedAt);
};

/** Parks it, and returns what is published for it after the journal has stored it as JSON. */
async function parked(arrived: Delivery) {
  const published: Message[] = [];
  const ports: ShellPorts = {
    journal: createMemoryJournal(),
    ids: createRandomIds(),
    clock: { nowMs: () => 1_767_225_600_000, sleep: async () => undefined },
    timers: idleTimers,
    reporter: { hop: () => undefined, notice: () => undefined },
    handsOnEarly: false,
    links: believing,
    relay: takingRelay((messages) => void published.push(...messages)),
  };
  const service = {
    name: "svc-messaging-bridge",
    endpoints: [],
    handlers: {},
    prefetch: 1,
  } as const;
  const trouble = { code: "E_MESSAGE_INVALID", reason: "ü", attempts: 1, firstAt: receivedAt };
  const message = envelopeOfUnreadable(arrived, ports);
  await park(service, ports, { arrived, message, trouble });
  // A parsed letter is a message again: the test only looks at what JSON preserves.
  return toDeadLetter(JSON.parse(JSON.stringify(published[0])) as Message);
}

test("a record keeps its key, its headers and its body, byte for byte and in their order", async () => {
  const record = {
    key: bytes(0, 255, 128),
    headers: [
      { name: "twice", value: toUtf8("one") },
      { name: "binary", value: bytes(255, 0, 254) },
      { name: "twice", value: toUtf8("two") },
      { name: "empty", value: bytes() },
      { name: "absent", value: null },
      { name: "__proto__", value: toUtf8("x") },
      { name: "x-dead-code", value: toUtf8("an earlier one") },
    ],
    body: bytes(0xff, 0x00, 0xfe),
  };
  const letter = await parked(fromLog(record));
  if (letter.transport !== "kafka") throw new Error("it came from Kafka");
  const { body, headers, key, topic } = letter.record;
  expect({ key, body, topic }).toEqual({
    key: record.key,
    body: record.body,
    topic: "tu.dead-letters",
  });
  expect(headers.slice(0, record.headers.length)).toEqual(record.headers);
  expect(headers.slice(record.headers.length)).toContainEqual({
    name: "x-dead-reason",
    value: toUtf8("ü"),
  });
});

test("missing key and body stay missing, and empty ones stay empty", async () => {
  for (const one of [null, bytes()]) {
    const letter = await parked(fromLog({ key: one, headers: [], body: one }));
    expect(letter).toMatchObject({ record: { key: one, body: one } });
  }
});

test("any record comes back out of a dead letter as it went in", async () => {
  const anyBytes = fc.option(fc.uint8Array());
  const anyRecord = fc.record({
    key: anyBytes,
    headers: fc.array(fc.record({ name: fc.string(), value: anyBytes })),
    body: anyBytes,
  });
  await fc.assert(
    fc.asyncProperty(anyRecord, async (record) => {
      const letter = await parked(fromLog(record));
      if (letter.transport !== "kafka") throw new Error("it came from Kafka");
      const { headers, ...kept } = letter.record;
      expect({ ...kept, headers: headers.slice(0, record.headers.length) }).toEqual({
        ...record,
        topic: "tu.dead-letters",
      });
    }),
    { numRuns: 200 },
  );
});

test("a queue's message keeps header types, properties and routing key", async () => {
  const headers: Record<string, AmqpValue> = {
    text: "ü",
    empty: "",
    number: -1.5,
    odd: Number.NaN,
    minusZero: -0,
    yes: true,
    absent: null,
    bytes: bytes(0, 255),
    time: { timestamp: 1_763_800_000 },
    price: { decimal: { places: 2, digits: 1999 } },
    list: { list: ["a", null, { table: { deep: bytes(1) } }] },
    table: { table: { bytes: "only a name", list: 1 } },
  };
  const properties = { contentType: "text/plain", messageId: "their own", timestamp: 5 };
  const body = bytes(0xff, 0);
  const letter = await parked(fromQueue({ headers, properties, body, routingKey: "images/ü.png" }));
  if (letter.transport !== "rabbitmq") throw new Error("it came from RabbitMQ");
  const { publication } = letter;
  expect(publication).toMatchObject({
    exchange: "tu.dead-letters",
    routingKey: "orchestrator.image-uploaded",
  });
  expect(publication.body).toEqual(body);
  expect(publication.headers).toMatchObject(headers);
  expect(publication.headers).toMatchObject({
    "x-dead-routing-key": "images/ü.png",
    "x-dead-origin": "rabbitmq:orchestrator.image-uploaded",
  });
  expect(publication.properties).toEqual({ ...properties, correlationId: expect.any(String) });
});

test("text headers are decoded, others only preserved", () => {
  const { headers, key } = fromLog({
    key: bytes(255),
    headers: [
      { name: "x-message-id", value: toUtf8("first") },
      { name: "x-message-id", value: toUtf8("last") },
      { name: "binary", value: bytes(255) },
      { name: "absent", value: null },
      { name: "empty", value: bytes() },
    ],
    body: bytes(),
  });
  expect(headers).toEqual({ "x-message-id": "last", empty: "" });
  expect(key).toBe("");
  const given = { "x-attempt": 2, late: true, bytes: toUtf8("ü"), table: { table: {} } };
  const arrived = fromQueue({ headers: given, properties: {}, body: bytes(), routingKey: "" });
  expect(arrived.headers).toEqual({ "x-attempt": "2", late: "true", bytes: "ü" });
});

test("a letter that an earlier version recorded is still sent", () => {
  const payload = {
    transport: "kafka",
    target: "tu.images.uploaded",
    key: "images/ü.png",
    headers: { "x-dead-code": "E_MESSAGE_INVALID", custom: "ü" },
    body: "\u00ff\u0000",
  };
  const message = { flowId: "f", id: "m", payload } as unknown as Message; // nothing else is read
  expect(toDeadLetter(message)).toEqual({
    transport: "kafka",
    record: {
      topic: "tu.dead-letters",
      key: toUtf8("images/ü.png"),
      headers: [
        { name: "x-dead-code", value: toUtf8("E_MESSAGE_INVALID") },
        { name: "custom", value: toUtf8("ü") },
      ],
      body: bytes(255, 0),
    },
  });
});
