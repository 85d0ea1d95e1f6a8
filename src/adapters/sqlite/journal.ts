import type { Clock } from "../../pipeline/ports/clock.ts";
import type { FlowRetention } from "../../pipeline/ports/flow-retention.ts";
import type {
  Journal,
  JournalEntry,
  Owed,
  OwedTo,
  RecordResult,
} from "../../pipeline/ports/journal.ts";
import { advance, createCheckpoints } from "./checkpoint.ts";
import { createConsumers, transport } from "./consumers.ts";
import type { Database } from "./database.ts";
import { type EntryStatements, prepareEntryStatements } from "./entry-statements.ts";
import { createFailedTries } from "./failed-tries.ts";
import { createFlowRetention } from "./flow-retention.ts";
import {
  behindMessage,
  createInheritance,
  type Inheritance,
  type Reading,
  unread,
} from "./inheritance.ts";
import { createOpenWork, type OpenWork } from "./open-work.ts";
import { createPacking } from "./packing.ts";
import { createPairs } from "./pairs.ts";
import type { Runners } from "./runners.ts";
import { realTurns, type Turns } from "./turns.ts";
import { createWaitingTimers } from "./waiting-timers.ts";
import type { Writer } from "./writer.ts";

// The only durable point of the message flow.
//
// 1. `record` and `accept` are each one change in the shared commit of `writer.ts`.
// 2. Open work is followed in memory and written down at a checkpoint: every `checkpointEvery` entries,
//    whenever somebody asks for what is left, and at close.
// 3. An entry of ours is noted in the same turn as its commit. A checkpoint in between would pass
//    over it, and a kill after that would lose its work.

/** What a restart after a kill has to read again. */
const checkpointEveryDefault = 2_500;

/** `checkpoint` is for closing: it writes down what is open and leaves it to the next runner. */
export function createSqliteJournal(options: {
  readonly database: Database;
  readonly writer: Writer;
  readonly runners: Runners;
  readonly clock: Clock;
  readonly owedTo: OwedTo;
  readonly checkpointEvery?: number;
  readonly turns?: Turns;
}): Journal & { readonly retention: FlowRetention; checkpoint(): void } {
  const { clock, database, writer, runners, owedTo } = options;
  const { checkpointEvery = checkpointEveryDefault, turns = realTurns } = options;
  const consumers = createConsumers(database);
  const statements = prepareEntryStatements(database, { clock, consumers, turns });
  const tries = createFailedTries(database, writer, consumers);
  const checkpoints = createCheckpoints(database, consumers);
  const inheritance = createInheritance(database);
  const packing = createPacking(database, { clock, turns });
  const work = createOpenWork();
  const waiting = createWaitingTimers(database, checkpoints);
  let sinceCheckpoint = 0;
  /** A commit may have failed: what it wrote may be there all the same. */
  let isUncertain = false;

  const checkpoint = (runner: number) => {
    const known = isUncertain ? null : runner;
    database.transaction(() => advance(checkpoints, work, owedTo, known));
    work.clear();
    sinceCheckpoint = 0;
    isUncertain = false;
  };
  database.onRollback(() => {
    isUncertain = true;
  });
  const note = (entry: JournalEntry, seq: number, runner: number) => {
    tries.settled(entry.message);
    work.note({ ...decidedOf(entry), seq, runner }, owedTo);
    sinceCheckpoint += 1;
    if (entry.flow?.ended === true) packing.soon();
  };
  const change = (entry: JournalEntry) => {
    const runner = runners.register();
    if (sinceCheckpoint >= checkpointEvery) checkpoint(runner);
    const body = (): Decided => {
      const decided = decide(statements, entry, { runner, atMs: clock.nowMs() });
      if (decided.seq !== null) tries.decided(entry.consumer, entry.message);
      return decided;
    };
    const afterCommit = ({ seq }: Decided) => {
      if (seq !== null) note(entry, seq, runner);
    };
    return [body, afterCommit] as const;
  };
  const history = async (flowId: string) => statements.history(flowId);
  const retention = createFlowRetention({
    ...options,
    consumers,
    packing,
    journal: { history, messageAt: statements.messageAt },
    checkpoint: () => checkpoint(runners.register()),
  });
  return {
    retention,
    record: async (entry) => (await writer.write(...change(entry))).result,
    accept: async (entry) => (await writer.accept(...change(entry))).result,
    durable: () => writer.durable(),
    find: async (consumer, messageId) => statements.find(consumer, messageId),
    flow: async (consumer, flowId) => statements.flow(consumer, flowId),
    history,
    sent(messages) {
      for (const { id } of messages) work.sent(id);
    },
    async unsent({ after, limit }) {
      writer.flush();
      const runner = runners.register();
      if (after === null) checkpoint(runner);
      const from = after === null ? unread : behindMessage(after);
      const { next, owed } = inheritance.unsent(runner, from, limit);
      return { messages: owed.flatMap(messagesIn), next };
    },
    adopt: createAdoption({ database, writer, runners, inheritance, checkpoint, work }),
    waiting: async (places) => waiting(places),
    failed: (consumer, message, at) => tries.count(consumer, message, at),
    pardon: (consumer, message) => tries.forget(consumer, message),
    checkpoint() {
      const runner = runners.own();
      if (runner === null) return;
      checkpoint(runner);
      packing.stop();
    },
  };
}

/** Takes over, page by page, what runs that are gone left. */
function createAdoption(options: {
  readonly database: Database;
  readonly writer: Writer;
  readonly runners: Runners;
  readonly inheritance: Inheritance;
  readonly work: OpenWork;
  readonly checkpoint: (runner: number) => void;
}): Journal["adopt"] {
  const { checkpoint, database, inheritance, runners, work, writer } = options;
  let begun: Begun | null = null;
  /** Null: dead runners left nothing. */
  const begin = (runner: number): Begun | null => {
    const version = database.pragma("data_version");
    checkpoint(runner);
    const batch = database.transaction(() => {
      const claimed = inheritance.claim(runner, (holder) => !runners.isAlive(holder));
      runners.removeGone();
      return claimed;
    });
    return batch === null ? null : { batch, version, next: unread };
  };
  const goOn = (runner: number): Begun | null => {
    if (begun === null || begun.next !== null) return begun ?? begin(runner);
    // Without writes by others since, there is nothing more for now.
    return begun.version === database.pragma("data_version") ? null : begin(runner);
  };
  return async (limit) => {
    writer.flush();
    const runner = runners.register();
    begun = goOn(runner);
    if (begun === null || begun.next === null) return [];
    const { next, owed, taken } = inheritance.inherited(begun.batch, begun.next, limit);
    begun = owed.length === 0 ? null : { ...begun, next };
    for (const { message, ...place } of taken) work.inherited(message, { ...place, runner });
    return distinct(owed);
  };
}

/** What was taken over, and how far it is given; null: all of it. */
type Begun = {
  readonly batch: number;
  readonly next: Reading | null;
  /** Changes when another connection has written (https://sqlite.org/pragma.html#pragma_data_version). */
  readonly version: number;
};

type Decided = { readonly seq: number | null; readonly result: RecordResult };

function decide(
  statements: EntryStatements,
  entry: JournalEntry,
  by: { readonly runner: number; readonly atMs: number },
): Decided {
  const seq = statements.insert(entry, by);
  if (seq !== null) return { seq, result: { outcome: "recorded" } };
  const known = statements.find(entry.consumer, entry.message.id);
  return {
    seq,
    result: known === undefined ? { outcome: "conflict" } : { outcome: "duplicate", entry: known },
  };
}

const decidedOf = ({ consumer, message, flow, outgoing, timers, parks }: JournalEntry) => ({
  consumer,
  messageId: message.id,
  flowId: message.flowId,
  isEnded: flow?.ended === true,
  outgoing,
  timers,
  ...(parks === undefined ? {} : { parks }),
});

const messagesIn = (owed: Owed) => (owed.type === "message" ? [owed.message] : []);

/** A message that two entries sent to different consumers is sent to all of them in one go. */
function distinct(all: readonly Owed[]): readonly Owed[] {
  const seen = createPairs<true>();
  return all.filter((owed) => {
    const [consumer, { id }] =
      owed.type === "message" ? [transport, owed.message] : [owed.timer.owner, owed.timer.message];
    if (seen.get(consumer, id) !== undefined) return false;
    seen.set(consumer, id, true);
    return true;
  });
}
