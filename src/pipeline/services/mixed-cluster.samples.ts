import { createMemoryBroker } from "../../adapters/memory/broker.ts";
import { createSystemClock } from "../../adapters/memory/clock.ts";
import { createMemoryDefinitions } from "../../adapters/memory/definitions.ts";
import { createMemoryEventLog } from "../../adapters/memory/event-log.ts";
import { createMemoryFingerprints } from "../../adapters/memory/fingerprints.ts";
import { createRandomIds, sha256 } from "../../adapters/memory/ids.ts";
import { createMemoryJournal } from "../../adapters/memory/journal.ts";
import { createMemoryMachines } from "../../adapters/memory/machines.ts";
import { createMemoryObjectStore } from "../../adapters/memory/object-store.ts";
import { createMemoryUploads } from "../../adapters/memory/uploads.ts";
import { createCollector } from "../../adapters/testing/collector.ts";
import type { FlowName, ServiceName } from "../contracts/contract.ts";
import { fromUtf8, toUtf8 } from "../delivery/bytes.ts";
import { createFlowLinks } from "../delivery/flow-links.ts";
import { createPublish } from "../delivery/publish.ts";
import { createRelay } from "../delivery/relay.ts";
import { declareTopology, type RunPorts, runService } from "../delivery/run-services.ts";
import { flowNamed } from "../flows/flow.ts";
import type { Message, Timer } from "../message.ts";
import type { HttpClient } from "../ports/http-client.ts";
import type { Images } from "../ports/images.ts";
import type { Vision } from "../ports/vision.ts";
import { allServices } from "./all-services.ts";

// Some of our services over in-memory transports; the test plays the others, the deployed ones, and sends what they
// would send.

const picture = toUtf8("a picture");
export const truth = { bytes: picture.length, checksum: `sha256:${sha256(picture)}` };

/** One message sent on either transport. */
export type Sent = {
  readonly where: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Record<string, unknown>;
};

export async function openCluster(flowName: FlowName, ours: readonly ServiceName[]) {
  const [log, broker] = [createMemoryEventLog(), createMemoryBroker()];
  const flow = flowNamed(flowName);
  const [ids, journal] = [createRandomIds(), createMemoryJournal()];
  const clock = createSystemClock();
  const timers = createHandTimers();
  const told = createCollector<Message>();
  const notices: string[] = [];
  const reporter = {
    hop: () => undefined,
    notice: ({ message }: { message: string }) => void notices.push(message),
  };
  const publish = createPublish({ log, broker }, flowName);
  const relay = createRelay({ journal, timers, clock, reporter, publish });
  const links = createFlowLinks({ ids, clock, journal });
  const run: RunPorts = {
    ...{ log, broker, journal, clock, ids, timers, reporter, handsOnEarly: true },
    relay,
    links,
  };
  const signer = { presign: () => ({ url: "http://object", expiresAt: "" }), authorize: never };
  const services = allServices({
    ...{ flow, shell: run, http: pictureServer, digest: sha256, faults: {}, internalToken: "t" },
    callerToken: "t",
    ...{ images, vision, definitions: createMemoryDefinitions(), uploads: createMemoryUploads() },
    machines: createMemoryMachines(),
    fingerprints: createMemoryFingerprints(),
    objects: createMemoryObjectStore({ signer }),
    feed: { publish: (message) => told.add(message) },
    urlOf: (service) => `http://${service}`,
  });
  await declareTopology(flowName, run);
  // What the deployed services declare, whichever flow ours run in.
  await declareTopology("current", run);
  const sent = createCollector<Sent>();
  await broker.declare({
    exchanges: [],
    queues: [{ name: "watch" }],
    bindings: [
      ...["analysis.started", "analysis.completed", "analysis.failed", "tu.image.uploaded"],
      ...["tu.recognition.completed", "recognition.failed"],
    ].map((exchange) => ({ exchange, queue: "watch", routingKey: "" })),
  });
  await broker.consume({ queue: "watch", prefetch: 1 }, async (delivery) => {
    const { body, exchange, headers, routingKey } = delivery;
    const texts = Object.fromEntries(Object.entries(headers).map(([n, v]) => [n, String(v)]));
    if (texts["x-message-id"] !== undefined)
      sent.add({ where: exchange, key: routingKey, headers: texts, body: parse(body) });
    await delivery.ack();
  });
  const topics = ["tu.recognition.completed"];
  await log.subscribe({ group: "watch", topics, from: "earliest", window: 1 }, async (delivery) => {
    const text = (bytes: Uint8Array | null) => fromUtf8(bytes ?? Uint8Array.of()) ?? "";
    const headers = Object.fromEntries(
      delivery.headers.map(({ name, value }) => [name, text(value)]),
    );
    const body = parse(delivery.body ?? Uint8Array.of());
    sent.add({ where: `kafka ${delivery.topic}`, key: text(delivery.key), headers, body });
    await delivery.commit();
  });
  for (const service of services)
    if (ours.includes(service.name)) await runService(service, flowName, run);
  return {
    ...{ sent, told, notices, timers, links, madeOf: (key: string) => ids.derive(key, "flow") },
    /** As the deployed messaging library publishes: a body and nothing else. */
    publish: (exchange: string, body: object, headers: Record<string, string> = {}) =>
      broker.publish({
        ...{
          exchange,
          routingKey: "",
          headers,
          properties: { contentType: "application/json" },
        },
        body: toUtf8(JSON.stringify(body)),
      }),
    append: (topic: string, body: object, more: { key?: string; flowId?: string } = {}) =>
      log.append({
        topic,
        key: toUtf8(more.key ?? ""),
        headers:
          more.flowId === undefined
            ? []
            : [{ name: "x-correlation-id", value: toUtf8(more.flowId) }],
        body: toUtf8(JSON.stringify(body)),
      }),
    async close() {
      await log.close();
      await broker.close();
      await relay.close();
      journal.close();
    },
  };
}

/** Timers fired by the test. */
function createHandTimers() {
  const scheduled: Timer[] = [];
  const owners = new Map<string, (timer: Timer) => Promise<void>>();
  return {
    schedule: (timer: Timer) => void scheduled.push(timer),
    cancelFlow: () => undefined,
    consume(owner: string, handler: (timer: Timer) => Promise<void>) {
      owners.set(owner, handler);
      return { close: async () => undefined };
    },
    async fireAll(): Promise<void> {
      for (const timer of scheduled.splice(0)) await owners.get(timer.owner)?.(timer);
    },
  };
}

/** Media access, the storage behind it, and the object store. */
const pictureServer: HttpClient = {
  async send({ method }) {
    const presigned = { url: "http://object", expiresAt: "2026-01-01T00:05:00Z" };
    return method === "POST"
      ? { status: 200, headers: {}, body: toUtf8(JSON.stringify(presigned)) }
      : { status: 200, headers: { "content-type": "image/png" }, body: picture };
  },
};
const vision: Vision = {
  async read() {
    const box = { x: 0, y: 0, width: 1, height: 1 };
    return {
      provider: {
        ...{ name: "vision", apiVersion: "v1", featureset: ["TextDetection"], maxResults: 5 },
        ...{ reasoningName: null, reasoningModel: null },
      },
      texts: [{ text: "KOMATSU PC210", confidence: 0.9, box, preparation: "whole" }],
      hints: [],
    };
  },
  atOnce: 2,
  warmUp: () => undefined,
  close: async () => undefined,
};
const images: Images = {
  identify: async () => ({
    ...{ format: "png", contentType: "image/png", width: 8, height: 8, orientation: 1 },
  }),
  verify: async () => undefined,
  perceptualHash: async () => "0".repeat(64),
  colours: async () => [],
  exif: async () => ({
    ...{ capturedAt: null, location: null, camera: null, orientation: null },
    ...{ entries: [], problems: [] },
  }),
};

function never(): never {
  throw new Error("nobody asks");
}

const parse = (body: Uint8Array) => JSON.parse(fromUtf8(body) ?? "") as Record<string, unknown>;
