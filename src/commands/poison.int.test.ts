import amqplib from "amqplib";
import { describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { createKafkaEventLog } from "../adapters/kafka/event-log.ts";
import { createSystemClock } from "../adapters/memory/clock.ts";
import { createRandomIds } from "../adapters/memory/ids.ts";
import { createMemoryJournal } from "../adapters/memory/journal.ts";
import { createMemoryTimers } from "../adapters/memory/timers.ts";
import { createRabbitBroker } from "../adapters/rabbitmq/broker.ts";
import { openVhost, rabbit } from "../adapters/rabbitmq/testing/server.ts";
import { inputsOf } from "../pipeline/contracts/catalogue.ts";
import { type ServiceName, serviceNames } from "../pipeline/contracts/contract.ts";
import { createFlowLinks } from "../pipeline/delivery/flow-links.ts";
import { createPublish } from "../pipeline/delivery/publish.ts";
import { createRelay } from "../pipeline/delivery/relay.ts";
import { declareTopology, runService } from "../pipeline/delivery/run-services.ts";
import { nothing, type Service } from "../pipeline/delivery/service.ts";
import type { EventLog, RecordHeader } from "../pipeline/ports/event-log.ts";
import { createMessagingBridge } from "../pipeline/services/messaging-bridge.ts";
import { deadLetters } from "../pipeline/topology.ts";

// R8 on real servers: the shell around every consumer of flow `full`, and messages that none of them can process, on
// every topic and queue, among others that all of them can.

const brokers = inject("servers")["KAFKA_BROKERS"]?.split(",") ?? [];
const flow = "full";
const triesMax = 8;
const patience = { timeout: 40_000, interval: 50 };
const bytes = (text: string) => new Uint8Array(Buffer.from(text));

/** A message that makes every handler throw has this header. */
const breaks = "breaks";

/** Every topic and queue that instances share, with who reads it. */
const places = serviceNames
  .flatMap((service) => inputsOf(service, flow).map((input) => ({ service, ...input })))
  .filter(({ consumer }) => consumer.isPerInstance !== true)
  .map(({ consumer, contract, route, service }) => ({
    ...{ service, transport: route.transport, example: JSON.stringify(contract.example) },
    target: route.transport === "kafka" ? route.topic : consumer.source,
  }));
type Place = (typeof places)[number];

const bodies: Readonly<Record<string, Uint8Array>> = {
  "no text": Uint8Array.of(0xff, 0x00, 0xfe, 0x0a),
  "no JSON": bytes('{ "objectKey": '),
  "another shape": bytes('{"uploadId":7,"\\u0000":[]}'),
  "another message": bytes('"analysis.unknown"'),
  nothing: new Uint8Array(),
};

describe.skipIf(!rabbit.isThere || brokers.length === 0)("what cannot be processed", () => {
  test("is parked once, after its tries, as it came; and its neighbours go on", async () => {
    const world = await openWorld();
    const sent: Sent[] = [];
    for (const place of places) {
      await world.sendGood(place, "before");
      for (const [kind, body] of Object.entries(bodies))
        sent.push(await world.send(place, { kind, body, tries: 1 }));
      const body = bytes(place.example);
      sent.push(await world.send(place, { kind: breaks, body, tries: triesMax }));
      await world.sendGood(place, "after");
    }
    const due = sorted(sent.map(textOf));
    const letters = () => sorted(world.letters().map(textOf));
    await vi.waitFor(() => expect(letters()).toEqual(due), patience);
    const good = places.flatMap(({ service, target }) =>
      ["before", "after"].map((name) => `${service} ${target} ${name}`),
    );
    expect(sorted(world.handled())).toEqual(sorted(good));
    await new Promise((resolve) => setTimeout(resolve, 1500)); // whatever is parked again
    expect(letters()).toEqual(due);
  });

  test("is what the next transport refuses: that is told, and its neighbours go on", async () => {
    const world = await openWorld((name) =>
      name === "svc-messaging-bridge" ? createMessagingBridge() : null,
    );
    const [place] = places.filter(({ transport }) => transport === "kafka");
    if (place === undefined) throw new Error("nothing is consumed from Kafka");
    const upload = JSON.parse(place.example) as object;
    const tooLong = JSON.stringify({ ...upload, objectKey: `${"x".repeat(300)}.png` });
    const sendBad = (id: string, body: string, header = "") =>
      world.log.append({
        ...{ topic: place.target, key: bytes("b.png"), body: bytes(body) },
        headers: [
          { name: "x-message-id", value: bytes(id) },
          { name: "large", value: bytes(header) },
        ],
      });
    await world.sendGood(place, "before");
    await sendBad("a routing key of 300 bytes", tooLong);
    await sendBad("headers beyond a frame", place.example, "x".repeat(200_000));
    await world.sendGood(place, "after");
    const handled = () => world.handled().map((text) => text.split(" ").at(-1));
    await vi.waitFor(() => expect(handled()).toEqual(["before", "after"]), patience);
    await vi.waitFor(() => expect(world.notices()).toHaveLength(2), patience);
    for (const notice of world.notices()) expect(notice).toContain("E_MESSAGE_INVALID");
    expect(world.states()).toEqual([]);
  });
});

type Sent = {
  readonly service: ServiceName;
  readonly target: string;
  readonly tries: number;
  readonly key: unknown;
  readonly headers: unknown;
  readonly properties: unknown;
  readonly body: Uint8Array;
};

const sorted = (texts: readonly string[]) => texts.toSorted((a, b) => (a < b ? -1 : 1));

/** As text, with bytes as such. */
function textOf({ body, headers, key, properties, service, target, tries }: Sent): string {
  const parts = [service, target, tries, key, headers, properties, body];
  return JSON.stringify(parts.map(plain));
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString("hex") };
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, plain(part)]));
}

/** The shell around services whose handlers do nothing, or around a real one instead. */
async function openWorld(real: (name: ServiceName) => Service | null = () => null) {
  const vhost = await openVhost();
  const clock = createSystemClock();
  const ids = createRandomIds(clock);
  const onError = () => undefined; // what is tested comes again
  const log = await createKafkaEventLog({ brokers, onError });
  const broker = await createRabbitBroker({ ...rabbit.address, vhost: vhost.name, onError });
  const journal = createMemoryJournal();
  const notices: string[] = [];
  const reporter = {
    hop: () => undefined,
    notice: ({ code, message }: { readonly code: string; readonly message: string }) =>
      void notices.push(`${code}: ${message}`),
  };
  const states: string[] = [];
  broker.onState((state) => states.push(state));
  const timers = createMemoryTimers(clock);
  const parts = { journal, timers, clock, ids, reporter, log, broker, handsOnEarly: false };
  const publish = createPublish({ log, broker }, flow);
  const relay = createRelay({ ...parts, publish, transports: [log, broker] });
  const links = createFlowLinks({ ids, clock, journal });
  await declareTopology(flow, { broker, log });
  const parked = await readLetters(log, vhost.name);
  const handled: string[] = [];
  const running = await Promise.all(
    serviceNames.map((name) =>
      runService(real(name) ?? breaking(name, handled), flow, { ...parts, relay, links }),
    ),
  );
  await relay.start();
  onTestFinished(async () => {
    await Promise.all(running.map((subscription) => subscription.close()));
    await relay.close();
    await parked.close();
    timers.close();
    await Promise.all([log.close(), broker.close()]);
    await vhost.remove();
  });
  return {
    log,
    notices: () => notices,
    states: () => states,
    letters: parked.letters,
    handled: () => handled,
    sendGood: (place: Place, name: string) =>
      place.transport === "kafka"
        ? log.append({
            ...{ topic: place.target, key: bytes("a.png"), body: bytes(place.example) },
            headers: [
              { name: "x-message-id", value: bytes(ids.create()) },
              { name: "good", value: bytes(`${place.target} ${name}`) },
            ],
          })
        : parked.publish(place.target, bytes(place.example), {
            messageId: ids.create(),
            headers: { "x-message-id": ids.create(), good: `${place.target} ${name}` },
          }),
    async send(
      place: Place,
      { kind, body, tries }: { kind: string; body: Uint8Array; tries: number },
    ) {
      const { service, target, transport } = place;
      const id = `${kind} for ${service} at ${target}`;
      const sent = { service, target, tries, body };
      if (transport === "kafka") {
        const headers = oddHeaders(id, kind);
        const key = Uint8Array.of(0xff, 0x00, tries);
        await log.append({ topic: target, key, headers, body });
        return { ...sent, key, headers: headers.map(pairOf), properties: {} };
      }
      const headers = oddTable(id, kind);
      const properties = { messageId: id, correlationId: "", type: "unknown.v9", timestamp: 0 };
      await parked.publish(target, body, { ...properties, headers });
      return { ...sent, key: target, headers, properties };
    },
  };
}

/** Repeated, without a value, without a name, and not text. */
function oddHeaders(id: string, kind: string): readonly RecordHeader[] {
  return [
    { name: "x-message-id", value: bytes(id) },
    { name: "x-correlation-id", value: Uint8Array.of(0xff) },
    { name: "twice", value: bytes("one") },
    { name: "", value: null },
    { name: "twice", value: bytes("two") },
    ...(kind === breaks ? [{ name: breaks, value: bytes(id) }] : []),
  ];
}

function oddTable(id: string, kind: string): Record<string, unknown> {
  return {
    "x-message-id": id,
    "x-correlation-id": Buffer.from([0xff]),
    "x-attempt": 7,
    "": { "": false, list: [1, null, "x"] },
    ...(kind === breaks ? { [breaks]: id } : {}),
  };
}

const pairOf = ({ name, value }: RecordHeader) => [name, value] as const;

/** The consumers of a service, whose handlers do nothing but throw where they are told to. */
function breaking(name: ServiceName, handled: string[]): Service {
  const names = inputsOf(name, flow).map(({ contract }) => contract.name);
  const handlers = names.map((message) => [
    message,
    async ({ headers }: { readonly headers: Readonly<Record<string, string>> }) => {
      if (headers[breaks] !== undefined) throw new TypeError("the handler is broken");
      handled.push(`${name} ${headers["good"]}`);
      return nothing;
    },
  ]);
  return { name, endpoints: [], handlers: Object.fromEntries(handlers), prefetch: 4 };
}

/** Reads both kinds of dead letters; those of RabbitMQ by its own client, which also publishes. */
async function readLetters(log: EventLog, vhost: string) {
  const letters: Sent[] = [];
  const group = `letters-${process.pid}-${Date.now()}`;
  const reading = await log.subscribe(
    { group, topics: [deadLetters.topic], from: "latest", window: 1000 },
    async (record) => {
      const isMark = ({ name }: RecordHeader) => name.startsWith("x-dead-");
      const marks = record.headers
        .filter(isMark)
        .map(({ name, value }) => [name, Buffer.from(value ?? []).toString()]);
      const headers = record.headers.filter((header) => !isMark(header)).map(pairOf);
      const { body, key } = record;
      letters.push({
        ...markedBy(Object.fromEntries(marks)),
        body: body ?? bytes("none"),
        key,
        headers,
        properties: {},
      });
      await record.commit();
    },
  );
  const { host, password, port, user } = rabbit.address;
  const model = await amqplib.connect({
    ...{ hostname: host, port, username: user, password, vhost: encodeURIComponent(vhost) },
  });
  const channel = await model.createConfirmChannel();
  await channel.consume(
    deadLetters.queue,
    (message) => {
      if (message === null) return;
      const all = Object.entries(message.properties.headers ?? {});
      const marks = Object.fromEntries(all.filter(([name]) => name.startsWith("x-dead-")));
      const headers = Object.fromEntries(all.filter(([name]) => !name.startsWith("x-dead-")));
      const { correlationId, messageId, timestamp, type } = message.properties;
      const properties = { messageId, correlationId, type, timestamp };
      letters.push({
        ...{ ...markedBy(marks), body: message.content, headers, properties },
        key: marks["x-dead-routing-key"],
      });
    },
    { noAck: true },
  );
  return {
    letters: () => letters,
    async publish(queue: string, body: Uint8Array, options: amqplib.Options.Publish) {
      channel.sendToQueue(queue, Buffer.from(body), options);
      await channel.waitForConfirms();
    },
    async close() {
      await reading.close();
      await model.close();
    },
  };
}

function markedBy(marks: Readonly<Record<string, unknown>>) {
  return {
    service: String(marks["x-dead-consumer"]) as ServiceName, // compared with one
    target: String(marks["x-dead-target"]),
    tries: Number(marks["x-dead-attempts"]),
  };
}
