// P3: events that the engine decides and records durably per second, over bare rows of the same
// size written by the same library in batches of 100, both with synchronous=FULL.
//
// A row of the other side is an entry as JSON, without an index, in a file with SQLite's defaults:
// what writing a decision down would cost at the least without a thought. It does not shrink when
// our format does, or a better format would not show. Our side follows open work as in a real run;
// what it sends counts as sent at once, so that only deciding and recording count.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "libsql";
import { createSystemClock } from "../src/adapters/memory/clock.ts";
import { createMemoryDefinitions } from "../src/adapters/memory/definitions.ts";
import { createRandomIds, sha256 } from "../src/adapters/memory/ids.ts";
import { openSqliteState } from "../src/adapters/sqlite/state.ts";
import { findContract } from "../src/pipeline/contracts/catalogue.ts";
import { createFlowLinks } from "../src/pipeline/delivery/flow-links.ts";
import { recordDecision } from "../src/pipeline/delivery/record.ts";
import { idleTimers, takingRelay } from "../src/pipeline/delivery/shell.samples.ts";
import type { ShellPorts } from "../src/pipeline/delivery/shell.ts";
import { flowNamed } from "../src/pipeline/flows/flow.ts";
import type { Message } from "../src/pipeline/message.ts";
import type { OwedTo } from "../src/pipeline/ports/journal.ts";
import { createOrchestrator } from "../src/pipeline/services/orchestrator.ts";
import { type Figure, interleaved, secondsOf, spread } from "./measure.ts";

const inFlight = 256;
const names = [
  "tu.image.uploaded",
  "recognition.completed",
  "comparison.completed",
  "metadata.sorted",
] as const;

export async function engineThroughput(rounds: number, flows: number): Promise<Figure> {
  const events = flows * names.length;
  let rowBytes = 0;
  const ours = () =>
    inDirectory(async (directory) => {
      const { ids, ports, state } = await openEngine(directory);
      const ended = new Map<string, number>();
      const seconds = await secondsOf(() => runFlows(flows, ids, ports, ended));
      exactly(flows, ended);
      rowBytes = await averageBytes(state, [...ended.keys()].slice(0, 100));
      await state.close();
      return events / seconds;
    });
  const theirs = () =>
    inDirectory(
      async (directory) => events / (await secondsOf(() => bareRows(directory, events, rowBytes))),
    );
  const result = await interleaved(rounds, ours, theirs);
  const value = result.ours.median / result.theirs.median;
  return {
    id: "P3",
    what: "engine events/s over bare SQLite rows/s",
    value,
    goal: "≥ 0.70",
    isMet: value >= 0.7,
    detail: `${spread(result.ours, "events/s")} over ${spread(result.theirs, "rows/s")}, ${rowBytes} bytes a row, ${flows} flows`,
  };
}

export async function openEngine(directory: string, owedTo: OwedTo = () => []) {
  const clock = createSystemClock();
  const ids = createRandomIds(clock);
  const state = await openSqliteState(join(directory, "flow.db"), {
    clock,
    runnerId: "bench",
    owedTo,
  });
  const ports: ShellPorts = {
    journal: state.journal,
    clock,
    ids,
    timers: idleTimers,
    reporter: { hop: () => undefined, notice: () => undefined },
    handsOnEarly: false,
    links: createFlowLinks({ ids, clock, journal: state.journal }),
    relay: takingRelay((messages) => state.journal.sent(messages)),
  };
  return { clock, ids, ports, state };
}

const { definition } = flowNamed("full");
const definitions = createMemoryDefinitions();
const orchestrator = createOrchestrator({
  definition,
  definitions,
  digest: sha256,
  isInDoubt: () => false,
});

/** One event of a flow: decided, recorded, sent. Returns the names of what it sent. */
export async function decideOne(
  flowId: string,
  name: (typeof names)[number],
  ids: ShellPorts["ids"],
  ports: ShellPorts,
): Promise<readonly string[]> {
  if (orchestrator.stateful === undefined) throw new Error("the orchestrator keeps state");
  const entry = await recordDecision(
    orchestrator,
    eventOf(flowId, name, ids),
    orchestrator.stateful,
    ports,
  );
  if (entry === undefined) throw new Error(`${name} of ${flowId} was decided before`);
  for (const timer of entry.timers) ports.timers.schedule(timer);
  if (entry.flow?.ended === true) ports.timers.cancelFlow(flowId);
  await ports.relay.dispatch(entry);
  return entry.outgoing.map((message) => message.name);
}

async function runFlows(
  flows: number,
  ids: ShellPorts["ids"],
  ports: ShellPorts,
  ended: Map<string, number>,
): Promise<void> {
  let started = 0;
  const lane = async () => {
    while (started < flows) {
      started += 1;
      const flowId = ids.create();
      for (const name of names) {
        const sent = await decideOne(flowId, name, ids, ports);
        const ends = sent.filter((out) => out === "analysis.completed").length;
        if (ends > 0) ended.set(flowId, (ended.get(flowId) ?? 0) + ends);
      }
    }
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
}

function eventOf(flowId: string, name: string, ids: ShellPorts["ids"]): Message {
  const contract = findContract(name);
  if (contract === undefined) throw new Error(`no ${name}`);
  // Of its own for each flow, as from a wire: what flows would share here would not be measured.
  const subject = `images/2026/01/01/${flowId}.png`;
  return {
    id: ids.create(),
    name,
    kind: "event",
    flowId,
    causationId: null,
    subject,
    occurredAt: "2026-01-01T00:00:00.000Z",
    producer: contract.routes[0].producerHeader,
    schema: contract.schemaId,
    headers: {},
    payload: { ...contract.example, objectKey: subject },
  };
}

/** Ids out are ids in, once. */
function exactly(flows: number, ended: ReadonlyMap<string, number>): void {
  const isExact = ended.size === flows && [...ended.values()].every((count) => count === 1);
  if (!isExact) throw new Error(`${ended.size} of ${flows} flows ended, or one ended twice`);
}

async function averageBytes(
  state: Awaited<ReturnType<typeof openSqliteState>>,
  flowIds: readonly string[],
): Promise<number> {
  const histories = await Promise.all(flowIds.map((id) => state.journal.history(id)));
  const entries = histories.flat();
  const bytes = entries.reduce((sum, entry) => sum + JSON.stringify(entry).length, 0);
  return Math.round(bytes / entries.length);
}

function bareRows(directory: string, rows: number, rowBytes: number): void {
  const database = new Database(join(directory, "bare.db"));
  database.exec("PRAGMA journal_mode=WAL");
  database.exec("PRAGMA synchronous=FULL");
  database.exec("CREATE TABLE rows (id INTEGER PRIMARY KEY, body TEXT NOT NULL)");
  const insert = database.prepare("INSERT INTO rows (body) VALUES (?)");
  const body = "x".repeat(rowBytes);
  for (let done = 0; done < rows; done += 100) {
    database.exec("BEGIN IMMEDIATE");
    for (let row = 0; row < 100; row += 1) insert.run(body);
    database.exec("COMMIT");
  }
  database.close();
}

export async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "bench-"));
  try {
    return await work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
