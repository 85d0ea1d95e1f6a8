import { expect, onTestFinished, test } from "vitest";
import { createMemoryBroker } from "../../adapters/memory/broker.ts";
import { createSystemClock } from "../../adapters/memory/clock.ts";
import { createMemoryEventLog } from "../../adapters/memory/event-log.ts";
import { createRandomIds } from "../../adapters/memory/ids.ts";
import { createMemoryJournal } from "../../adapters/memory/journal.ts";
import { findContract } from "../contracts/catalogue.ts";
import { createFlowLinks } from "../delivery/flow-links.ts";
import { declareTopology } from "../delivery/run-services.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { DeployedGateway } from "../ports/gateway-client.ts";
import type { Hop } from "../ports/reporter.ts";
import { openTap } from "./tap.ts";
import { createTappedGateway } from "./tapped-gateway.ts";

// The deployed services, as far as they are seen on the transports: bodies without ids, and a bridge that drops key
// and headers.

const clock = createSystemClock();
const ids = createRandomIds(clock);
const objectKey = "images/2026/01/01/a.png";
const example = (name: string) => findContract(name)?.example as Record<string, unknown>;
const bytesOf = (payload: unknown) => new TextEncoder().encode(JSON.stringify(payload));

async function deployed() {
  const [log, broker] = [createMemoryEventLog(), createMemoryBroker()];
  await declareTopology("current", { log, broker });
  const hops: Hop[] = [];
  const notices: string[] = [];
  const reporter = {
    hop: (hop: Hop) => void hops.push(hop),
    notice: ({ code }: { code: string }) => void notices.push(code),
  };
  let tell: (payload: unknown) => void = () => undefined;
  const gateway: DeployedGateway = {
    startUpload: async () => ({
      ...{ correlationId: "f".repeat(32), uploadId: "u1", key: objectKey, putUrl: "http://put" },
      expiresAt: "2026-01-01T00:05:00.000Z",
    }),
    confirmUpload: async () => undefined,
    async onCompleted(listener) {
      tell = listener;
      return { close: async () => undefined };
    },
  };
  // Patience takes no time here.
  const hasty = {
    ...clock,
    sleep: (ms: number, signal?: AbortSignal) => clock.sleep(Math.min(ms, 20), signal),
  };
  const tapped = createTappedGateway({ gateway, clock: hasty, reporter });
  const journal = createMemoryJournal({ owedTo: () => [] });
  const links = createFlowLinks({ ids, clock, journal });
  const { onMessage } = tapped;
  const looking: EventLog = {
    ...log,
    subscribe: () => Promise.reject(new Error("a tap joins no group")),
    read(options, handler) {
      expect(options.fromMs).toBe("end"); // what was there before is nobody's story
      return log.read(options, handler);
    },
  };
  const ports = { log: looking, broker, ids, clock: hasty, links, onMessage };
  const tap = await openTap("current", ports);
  onTestFinished(() => tap.close());
  return {
    ...{ hops, notices, gateway: tapped.gateway },
    tell: (payload: unknown) => tell(payload),
    onKafka: (topic: string, payload: unknown, correlationId?: string) =>
      log.append({
        ...{ topic, key: new TextEncoder().encode(objectKey) },
        headers:
          correlationId === undefined
            ? []
            : [{ name: "x-correlation-id", value: new TextEncoder().encode(correlationId) }],
        body: bytesOf(payload),
      }),
    onRabbit: (exchange: string, payload: unknown) =>
      broker.publish({
        ...{ exchange, routingKey: "", headers: {}, properties: {} },
        body: bytesOf(payload),
      }),
  };
}
type Deployed = Awaited<ReturnType<typeof deployed>>;

/** Uploads, and resolves with what the client is told at the end. */
async function ended(cluster: Deployed, run: () => Promise<void>) {
  const { correlationId } = await cluster.gateway.startUpload({
    filename: "a.png",
    contentType: "image/png",
  });
  const told = new Promise<{ name: string; isUntold?: true }>((resolve) => {
    void cluster.gateway.subscribe(correlationId, {
      onEvent: (event) => event.name === "analysis.completed" && resolve(event),
      onLost: () => undefined,
    });
  });
  await run();
  return told;
}

const upload = {
  ...{
    UploadId: "5b0d6f0e-93a1-4c77-8a52-0c9f2e1d7a34",
    ObjectKey: objectKey,
    ContentType: "image/png",
  },
  ...{ Bytes: 1234, Checksum: `sha256:${"a".repeat(64)}` },
  OccurredAt: "2025-12-03T09:16:02.1180452+00:00",
};
const { objectKey: _, ...result } = example("tu.recognition.completed");
const completed = { success: true, recognitionPayload: result };

async function analyse(cluster: Deployed): Promise<void> {
  await cluster.onKafka("tu.images.uploaded", upload, "c".repeat(32));
  await cluster.onRabbit("tu.image.uploaded", { ...upload, objectKey });
  await cluster.onRabbit("analysis.started", { objectKey });
  await cluster.onKafka("tu.recognition.completed", result);
  await cluster.onRabbit("tu.recognition.completed", result);
  await cluster.onRabbit("analysis.completed", completed);
}

test("what happens to the picture is a story of its upload, whatever ids others gave it", async () => {
  const cluster = await deployed();
  const event = await ended(cluster, async () => {
    await analyse(cluster);
    cluster.tell(completed);
  });
  expect(event.isUntold).toBeUndefined();
  expect(new Set(cluster.hops.map(({ flowId }) => flowId))).toEqual(new Set(["f".repeat(32)]));
  const seen = cluster.hops.map(({ name, to, transport }) => `${transport} ${name} ${to}`);
  expect(new Set(seen)).toEqual(
    new Set([
      "graphql startUpload graph-gateway",
      "kafka tu.images.uploaded svc-messaging-bridge",
      "kafka tu.images.uploaded svc-ai-vision-adapter",
      "rabbitmq tu.image.uploaded svc-analysis-orchestrator",
      "rabbitmq analysis.started graph-gateway",
      "kafka tu.recognition.completed svc-messaging-bridge",
      "rabbitmq tu.recognition.completed svc-analysis-orchestrator",
      "rabbitmq analysis.completed graph-gateway",
    ]),
  );
  expect(cluster.notices).toEqual([]);
});

test("an end that its gateway does not tell is told with a notice", async () => {
  const cluster = await deployed();
  const event = await ended(cluster, () => analyse(cluster));
  expect(event.isUntold).toBe(true);
  expect(cluster.notices).toEqual(["client-not-told"]);
});

test("other pictures are none of its business", async () => {
  const cluster = await deployed();
  await ended(cluster, async () => {
    const other = { ...upload, ObjectKey: "images/2026/01/01/b.png" };
    await cluster.onRabbit("tu.image.uploaded", other);
    await cluster.onRabbit("analysis.started", { objectKey: "images/2026/01/01/b.png" });
    await analyse(cluster);
  });
  expect(cluster.hops.filter(({ name }) => name === "analysis.started")).toHaveLength(1);
});
