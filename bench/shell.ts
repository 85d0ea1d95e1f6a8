// The whole shell in process: the embedded halves of Kafka and RabbitMQ, or real ones, the bridge, the orchestrator,
// three step services that respond at once, and the machine storage, on one journal on disk.

import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { createSystemClock } from "../src/adapters/memory/clock.ts";
import { createRandomIds, sha256 } from "../src/adapters/memory/ids.ts";
import { createMemoryMachines } from "../src/adapters/memory/machines.ts";
import { createMemoryTimers } from "../src/adapters/memory/timers.ts";
import { openSqliteState } from "../src/adapters/sqlite/state.ts";
import { openTransports } from "../src/commands/compose-transports.ts";
import { findContract } from "../src/pipeline/contracts/catalogue.ts";
import type { ServiceName } from "../src/pipeline/contracts/contract.ts";
import { behind } from "../src/pipeline/delivery/behind-journal.ts";
import { createFlowLinks } from "../src/pipeline/delivery/flow-links.ts";
import { consumersOf, createPublish } from "../src/pipeline/delivery/publish.ts";
import { createRelay } from "../src/pipeline/delivery/relay.ts";
import {
  declareTopology,
  type RunPorts,
  runService,
} from "../src/pipeline/delivery/run-services.ts";
import type { Service } from "../src/pipeline/delivery/service.ts";
import { encode } from "../src/pipeline/delivery/wire.ts";
import { flowNamed } from "../src/pipeline/flows/flow.ts";
import type { Message } from "../src/pipeline/message.ts";
import type { OwedTo } from "../src/pipeline/ports/journal.ts";
import type { Subscription } from "../src/pipeline/ports/transport.ts";
import { createMachineStorage } from "../src/pipeline/services/machine-storage.ts";
import { createMessagingBridge } from "../src/pipeline/services/messaging-bridge.ts";
import { createOrchestrator } from "../src/pipeline/services/orchestrator.ts";
import type { RealServers } from "./real-servers.ts";

export type Shell = {
  /** Resolves when the machine storage has recorded the end of the flow, and that is on disk. */
  readonly run: () => Promise<void>;
  readonly close: () => Promise<void>;
};

const prefetch = 256;
const steps = [
  ["svc-ai-vision-adapter", "analysis.recognition.request", "recognition.completed"],
  ["comparison-service", "analysis.comparison.request", "comparison.completed"],
  ["metadata-service", "analysis.metadata.request", "metadata.sorted"],
] as const;

/** `cluster`: where Kafka and RabbitMQ are; null: embedded. */
export async function openShell(
  directory: string,
  cluster: RealServers | null = null,
): Promise<Shell> {
  const flow = flowNamed("full");
  const clock = createSystemClock();
  const ids = createRandomIds(clock);
  const reporter = { hop: () => undefined, notice: () => undefined };
  const owedTo = owedOn(cluster);
  const file = join(directory, "flow.db");
  const state = await openSqliteState(file, { clock, runnerId: "bench", owedTo });
  const { areEmbedded, broker, close: closeTransports, log } = await openTransports(cluster, fail);
  const timers = createMemoryTimers(clock, { onError: fail });
  const { definitions, journal } = state;
  const publish = createPublish({ log, broker }, "full");
  const transports = [log, broker];
  const relay = createRelay({ journal, timers, clock, reporter, publish, transports });
  const ports: RunPorts = {
    ...{ journal, timers, clock, ids, reporter, relay, log, broker },
    handsOnEarly: areEmbedded,
    links: createFlowLinks({ ids, clock, journal }),
  };

  const waiting = new Map<string, () => void>();
  // As if in a separate file.
  const machines = createMemoryMachines();
  const stored = { ...machines, save: behind(journal.durable, machines.save) };
  const storage = createMachineStorage({ machines: stored, ids, clock, reporter });
  const services: readonly Service[] = [
    { ...createMessagingBridge(), prefetch },
    {
      ...createOrchestrator({
        ...{ definition: flow.definition, definitions, digest: sha256 },
        isInDoubt: ports.links.isInDoubt,
      }),
      prefetch,
    },
    ...steps.map(([name, command, event]) => stepService(name, command, event)),
    { ...storage, prefetch },
  ];
  await declareTopology("full", ports);
  const onEnded = async (entry: Parameters<RunPorts["journal"]["record"]>[0]) => {
    if (entry.consumer !== storage.name || entry.message.name !== "analysis.completed") return;
    await journal.durable();
    waiting.get(entry.message.flowId)?.();
  };
  const watched =
    (write: RunPorts["journal"]["record"]): RunPorts["journal"]["record"] =>
    async (entry) => {
      const result = await write(entry);
      if (result.outcome === "recorded") void onEnded(entry);
      return result;
    };
  const { accept, record } = journal;
  const watching: RunPorts = {
    ...ports,
    journal: { ...journal, accept: watched(accept), record: watched(record) },
  };
  const subscriptions: Subscription[] = [];
  for (const service of services) subscriptions.push(await runService(service, "full", watching));
  await relay.start();
  return {
    async run() {
      const message = uploaded(ids.create(), clock.nowMs());
      const ended = new Promise<void>((resolve) => waiting.set(message.flowId, resolve));
      const encoded = encode(message);
      if (encoded.transport !== "kafka") throw new Error("an upload is told on Kafka");
      await log.append(encoded.record);
      await ended;
      waiting.delete(message.flowId);
    },
    async close() {
      for (const subscription of subscriptions) await subscription.close();
      await relay.close();
      timers.close();
      await closeTransports();
      await state.close();
    },
  };
}

function stepService(name: ServiceName, command: string, event: string): Service {
  const example = findContract(event)?.example;
  const answer = async ({ headers, subject }: Message) => ({
    outgoing: [
      {
        name: event,
        payload: { ...(example as object), objectKey: subject },
        ...(headers["x-attempt"] === undefined
          ? {}
          : { headers: { "x-attempt": headers["x-attempt"] } }),
      },
    ],
  });
  return { name, endpoints: [], handlers: { [command]: answer }, prefetch };
}

/** Brokers that outlive us are owed only what they have not taken. */
export function owedOn(cluster: RealServers | null): OwedTo {
  return (message) => (cluster === null ? consumersOf(message, "full") : []);
}

/** A new upload, as ingestion tells it. */
export function uploaded(flowId: string, nowMs: number): Message {
  const contract = findContract("tu.images.uploaded");
  if (contract === undefined) throw new Error("no tu.images.uploaded");
  const subject = `images/2026/01/01/${flowId}.png`;
  return {
    ...{ id: randomUUID(), name: contract.name, kind: "event", flowId, causationId: null, subject },
    occurredAt: new Date(nowMs).toISOString(),
    producer: contract.routes[0].producerHeader,
    ...{ schema: contract.schemaId, headers: {} },
    payload: { ...(contract.example as object), objectKey: subject },
  };
}

function fail(error: unknown): never {
  throw error;
}
