// One simulated run: the real services in a simulated world, and the violations found at the end.
//
//   - two to four clients, one or two processes, flow `full` or `current`;
//   - brokers that survive their clients (a cluster), or die with them (embedded, in half of the runs the shipped
//     ones);
//   - stores on one disk, which may be slow, busy or full;
//   - bad weather for a while, then calm, so that everything that is not lost can finish.

import { createRandomIds, sha256 } from "../adapters/memory/ids.ts";
import type { FlowName } from "../pipeline/contracts/contract.ts";
import { consumersOf } from "../pipeline/delivery/publish.ts";
import { type Flow, flowNamed } from "../pipeline/flows/flow.ts";
import type { Ids } from "../pipeline/ports/ids.ts";
import type { JournalEntry, OwedTo } from "../pipeline/ports/journal.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import { createSimulatedBrokers } from "./brokers.ts";
import type { Bug } from "./bugs.ts";
import { createClients } from "./client.ts";
import { maybeSetClock } from "./clocks.ts";
import { createCrashes } from "./crashes.ts";
import { createDisk } from "./disk.ts";
import { createEmbeddedBrokers } from "./embedded.ts";
import { forecastOf, type Nature, stormMs, type Weather } from "./faults.ts";
import { createSimulatedHttp } from "./http.ts";
import { violationsIn } from "./invariants.ts";
import { openMemoryJournals } from "./journals.ts";
import { createLedger } from "./ledger.ts";
import { createPoisons } from "./poison.ts";
import { type Plant, type Process, type SimulationPorts, startProcess } from "./process.ts";
import type { Told } from "./remains.ts";
import { createRandom, createScheduler, type Random } from "./scheduler.ts";
import { openSqliteJournals } from "./sqlite-journal.ts";
import { createUpgrades, withLongPauses } from "./upgrades.ts";
import { createWall } from "./wall.ts";

export type Run = {
  readonly seed: number;
  readonly flow: FlowName;
  readonly violations: readonly string[];
  readonly steps: number;
  readonly crashes: number;
  /** Analyses that completed, and those that failed. */
  readonly completed: number;
  readonly failed: number;
  /** A hash of everything that happened: the same seed gives the same hash. */
  readonly fingerprint: string;
};

const startMs = 1_767_225_600_000; // 2026-01-01T00:00:00Z
const endMs = 30 * 60_000;
/** Longer than any timer of a flow, even if the clock is set back: what has not moved for so long never will. */
const restMs = 200_000;

/** One in this many seeds keeps its journal in SQLite, which takes longer. */
const sqliteEvery = 40;

const silent: Reporter = { hop: () => undefined, notice: () => undefined };

export async function simulate(seed: number, bug?: Bug): Promise<Run> {
  const nature = natureOf(seed);
  const { ledger, random, scheduler } = nature;
  const flow = flowOf(random);
  const isCluster = random() < 0.5;
  const owedTo: OwedTo = (message) => (isCluster ? [] : consumersOf(message, flow.name));
  const isOnFile = seed % sqliteEvery === 0 || bug?.file !== undefined;
  const open = isOnFile ? openSqliteJournals : openMemoryJournals;
  const journals = await open({ nature, owedTo, file: bug?.file ?? "sound" });
  const disk = createDisk(nature, journals);
  const brokers =
    !isCluster && random() < 0.5 ? createEmbeddedBrokers(nature) : createSimulatedBrokers(nature);
  const processes: Process[] = [];
  const told: Told[] = [];
  const ports: SimulationPorts = {
    nature,
    brokers,
    disk: disk.disk,
    ids: createSeededIds(nature),
    digest: sha256,
    flow,
    http: (life) => createSimulatedHttp(nature, life, () => processes),
    reporter: silent,
    isCluster,
    onTold: (message) => void told.push({ ...message, isOnDisk: disk.isOnDisk(message.id) }),
  };
  const plant: Plant = bug?.plant?.() ?? ((unchanged) => unchanged);
  const flowNow = createUpgrades(nature, flow);
  const start = () => processes.push(startProcess({ ...ports, flow: flowNow() }, plant));
  start();
  if (isCluster && random() < 0.5) start();

  const clients = createClients(random, ports);
  const objectKey = () => clients.find((client) => client.objectKey !== null)?.objectKey ?? "";
  const poisons = createPoisons(nature, { brokers, flow, objectKey });
  const crashes = createCrashes(nature, isCluster, {
    died: ({ life }) => journals.died(life, processes.length === 0),
    restart() {
      if (!isCluster) {
        brokers.wipe(disk.lost());
        poisons.lose();
      }
      start();
    },
  });
  await scheduler.run(startMs + endMs, () => {
    crashes.maybe(processes);
    brokers.turn();
    maybeSetClock(nature);
    const lastMs = Math.max(startMs + stormMs, disk.lastRecordMs());
    return { isAtRest: scheduler.nowMs() > lastMs + restMs };
  });
  const [histories, forgotten] = [disk.histories(), disk.forgotten()];
  journals.close();
  return {
    seed,
    flow: flow.name,
    violations: [
      ...violationsIn({
        flow,
        clients,
        histories,
        machines: await disk.disk.machines.list({ limit: Number.POSITIVE_INFINITY }),
        taken: brokers.taken,
        appended: brokers.appended,
        poisons: poisons.all,
        told,
        ledger,
        stormEndMs: startMs + stormMs,
        timedOut: scheduler.nowMs() >= startMs + endMs,
      }),
      ...forgotten.map((key) => `the journal said that it had recorded ${key}, and has not`),
    ],
    steps: scheduler.steps,
    crashes: crashes.count,
    completed: sentIn("analysis.completed", histories),
    failed: sentIn("analysis.failed", histories),
    fingerprint: fingerprintOf(histories, scheduler.steps, scheduler.nowMs()),
  };
}

function flowOf(random: Random): Flow {
  const flow = flowNamed(random() < 0.75 ? "full" : "current");
  return random() < 0.5 ? withLongPauses(flow) : flow;
}

function natureOf(seed: number): Nature {
  const random = createRandom(seed);
  const scheduler = createScheduler(startMs);
  const forecast = forecastOf(random);
  const weather = (): Weather => forecast(scheduler.nowMs() - startMs);
  const wall = createWall(scheduler, random);
  return { scheduler, random, ledger: createLedger(), wall, weather };
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
