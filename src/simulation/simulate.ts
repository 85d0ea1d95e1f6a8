// One simulated run: the real services on a simulated world, and what was wrong in the end.
//
//   - two to four clients, one or two processes, flow `full` or `current`;
//   - brokers that survive their clients (a cluster), or die with them (the embedded ones);
//   - bad weather for a while, then calm, so that everything that is not lost can come to an end.

import { createMemoryDefinitions } from "../adapters/memory/definitions.ts";
import { createMemoryFingerprints } from "../adapters/memory/fingerprints.ts";
import { createRandomIds, sha256 } from "../adapters/memory/ids.ts";
import { createMemoryJournal, createSharedJournal } from "../adapters/memory/journal.ts";
import { createMemoryMachines } from "../adapters/memory/machines.ts";
import { createMemoryObjectStore } from "../adapters/memory/object-store.ts";
import { createMemoryUploads } from "../adapters/memory/uploads.ts";
import { createUrlSigner } from "../adapters/signing/url-signer.ts";
import type { FlowName } from "../pipeline/contracts/contract.ts";
import { consumersOf } from "../pipeline/delivery/publish.ts";
import { flowNamed } from "../pipeline/flows/flow.ts";
import type { Ids, Journal, JournalEntry, OwedTo, Reporter } from "../pipeline/ports.ts";
import { createSimulatedBrokers } from "./brokers.ts";
import type { Bug } from "./bugs.ts";
import { type ClientStory, runClient } from "./client.ts";
import { calm, type Nature, stormOf, type Weather } from "./faults.ts";
import { createSimulatedHttp } from "./http.ts";
import { violationsIn } from "./invariants.ts";
import { createLedger } from "./ledger.ts";
import {
  type Disk,
  type Plant,
  type Process,
  type SimulationPorts,
  startProcess,
} from "./process.ts";
import type { Recorded } from "./remains.ts";
import { createRandom, createScheduler, type Life } from "./scheduler.ts";

export type Run = {
  readonly seed: number;
  readonly flow: FlowName;
  readonly violations: readonly string[];
  readonly steps: number;
  readonly crashes: number;
  /** Analyses that ended well, and the others. */
  readonly completed: number;
  readonly failed: number;
  /** What happened, as one hash: the same seed gives the same. */
  readonly fingerprint: string;
};

const startMs = 1_767_225_600_000; // 2026-01-01T00:00:00Z
const stormMs = 20_000;
const endMs = 30 * 60_000;
/** Longer than any timer of a flow: what has not moved for so long will not move any more. */
const restMs = 120_000;
const crashesMax = 6;

const silent: Reporter = { hop: () => undefined, notice: () => undefined };

export async function simulate(seed: number, bug?: Bug): Promise<Run> {
  const random = createRandom(seed);
  const scheduler = createScheduler(startMs);
  const storm = stormOf(random);
  const weather = (): Weather => (scheduler.nowMs() < startMs + stormMs ? storm : calm);
  const ledger = createLedger();
  const nature: Nature = { scheduler, random, ledger, weather };
  const flow = flowNamed(random() < 0.75 ? "full" : "current");
  const isCluster = random() < 0.5;
  const disk = createDisk(nature, (message) => (isCluster ? [] : consumersOf(message, flow.name)));
  const brokers = createSimulatedBrokers(nature);
  const processes: Process[] = [];
  const ports: SimulationPorts = {
    nature,
    brokers,
    disk: disk.disk,
    ids: createSeededIds(nature),
    digest: sha256,
    flow,
    http: (life) => createSimulatedHttp(nature, life, () => processes),
    reporter: silent,
  };
  const plant: Plant = bug?.plant() ?? ((unchanged) => unchanged);
  const start = () => processes.push(startProcess(ports, plant));
  start();
  if (isCluster && random() < 0.5) start();

  const clients = createClients(random, ports);
  const crashes = createCrashes(nature, isCluster, () => {
    if (!isCluster) brokers.wipe();
    start();
  });
  await scheduler.run(startMs + endMs, () => {
    crashes.maybe(processes);
    brokers.turn();
    const lastMs = Math.max(startMs + stormMs, disk.lastRecordMs());
    return { isAtRest: scheduler.nowMs() > lastMs + restMs };
  });
  return {
    seed,
    flow: flow.name,
    violations: violationsIn({
      flow,
      clients,
      histories: disk.histories(),
      machines: await disk.disk.machines.list(),
      taken: brokers.taken,
      ledger,
      stormEndMs: startMs + stormMs,
      timedOut: scheduler.nowMs() >= startMs + endMs,
    }),
    steps: scheduler.steps,
    crashes: crashes.count,
    completed: sentIn("analysis.completed", disk.histories()),
    failed: sentIn("analysis.failed", disk.histories()),
    fingerprint: fingerprintOf(disk.histories(), scheduler.steps, scheduler.nowMs()),
  };
}

/** Transports that outlive their clients owe nobody anything but what they have not taken. */
function createDisk(nature: Nature, owedTo: OwedTo) {
  const shared = createSharedJournal();
  const histories = new Map<string, Recorded[]>();
  let lastRecordMs = 0;
  const journalOf = (life: Life): Journal => {
    const inner = createMemoryJournal({ shared, owedTo, isAlive: () => life.alive });
    return {
      ...inner,
      async record(entry) {
        const result = await inner.record(entry);
        if (result.outcome === "recorded") {
          const { flowId } = entry.message;
          lastRecordMs = nature.scheduler.nowMs();
          const recorded = { ...entry, atMs: lastRecordMs };
          histories.set(flowId, [...(histories.get(flowId) ?? []), recorded]);
        }
        return result;
      },
    };
  };
  const signer = createUrlSigner({
    baseUrl: () => "http://object-store",
    secret: "secret",
    clock: { nowMs: () => nature.scheduler.nowMs(), sleep: async () => undefined },
  });
  const disk: Disk = {
    journalOf,
    definitions: createMemoryDefinitions(),
    uploads: createMemoryUploads(),
    machines: createMemoryMachines(),
    fingerprints: createMemoryFingerprints(),
    objects: createMemoryObjectStore({ signer }),
  };
  return { disk, histories: () => histories, lastRecordMs: () => lastRecordMs };
}

function createSeededIds(nature: Nature): Ids {
  const { derive } = createRandomIds();
  let count = 0;
  return {
    create() {
      count += 1;
      return derive(`seed ${count}`, String(nature.random()));
    },
    derive,
  };
}

const pictures: readonly string[] = [
  "CATERPILLAR 930G picture-a",
  "CATERPILLAR 930G picture-b",
  "KOMATSU PC210 picture-c",
  "nothing to be read",
];

function createClients(random: () => number, ports: SimulationPorts): readonly ClientStory[] {
  const life: Life = { alive: true };
  return Array.from({ length: 2 + Math.floor(random() * 3) }, (_, index) => {
    const picture = pictures[Math.floor(random() * (pictures.length - 1))] ?? "";
    const flowId = ports.ids.derive(`client ${index}`, picture);
    const story: ClientStory = { flowId, picture, objectKey: null, accepted: false };
    const { digest, nature } = ports;
    void runClient(story, { nature, life, http: ports.http(life), digest });
    return story;
  });
}

/** Kills processes now and then. A cluster's broker stays, an embedded one goes with its process. */
function createCrashes(nature: Nature, isCluster: boolean, restart: () => void) {
  let count = 0;
  const supervisor: Life = { alive: true };
  return {
    maybe(processes: Process[]) {
      if (count >= crashesMax || nature.random() >= nature.weather().crash) return;
      const victim = processes[Math.floor(nature.random() * processes.length)];
      if (victim === undefined) return;
      count += 1;
      nature.ledger.note("crash");
      victim.life.alive = false;
      processes.splice(processes.indexOf(victim), 1);
      const downMs = isCluster ? nature.random() * 2000 : nature.random() * 200;
      void nature.scheduler.after(supervisor, downMs).then(restart);
    },
    get count() {
      return count;
    },
  };
}

function sentIn(name: string, histories: ReadonlyMap<string, readonly JournalEntry[]>): number {
  const entries = [...histories.values()].flat();
  return entries.filter(({ outgoing }) => outgoing.some((message) => message.name === name)).length;
}

function fingerprintOf(
  histories: ReadonlyMap<string, readonly JournalEntry[]>,
  steps: number,
  endedAtMs: number,
): string {
  const text = JSON.stringify([[...histories], steps, endedAtMs]);
  return sha256(new TextEncoder().encode(text)).slice(0, 16);
}
