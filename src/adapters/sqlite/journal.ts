import type { Journal, JournalEntry, RecordResult } from "../../pipeline/ports.ts";
import { advance, createCheckpoints, takeOver } from "./checkpoint.ts";
import type { Database } from "./database.ts";
import { type EntryStatements, prepareEntryStatements } from "./entry-statements.ts";
import { type ConsumersOf, createOpenWork } from "./open-work.ts";
import type { Runners } from "./runners.ts";
import type { Writer } from "./writer.ts";

// The only durable point of the message flow.
//
// 1. `record` is one statement in the shared commit of `writer.ts`.
// 2. Once `unfinished` has said who consumes what, open work is followed in memory and written down
//    at a checkpoint: every `checkpointEvery` entries, and at close.
// 3. An entry of ours is noted in the same turn as its commit. A checkpoint in between would pass
//    over it, and a kill after that would lose its work.

/** What a restart after a kill has to read again. */
const checkpointEveryDefault = 10_000;

/** `checkpoint` is for closing: it writes down what is open and leaves it to the next runner. */
export function createSqliteJournal(options: {
  readonly database: Database;
  readonly writer: Writer;
  readonly runners: Runners;
  readonly checkpointEvery?: number;
}): Journal & { checkpoint(): void } {
  const { database, writer, runners, checkpointEvery = checkpointEveryDefault } = options;
  const statements = prepareEntryStatements(database);
  const checkpoints = createCheckpoints(database);
  const work = createOpenWork();
  let consumers: ConsumersOf | null = null;
  let sinceCheckpoint = 0;

  /** In one transaction with `alongside`, which sees the moved checkpoint. */
  const checkpoint = <T>(consumersOf: ConsumersOf, runner: number, alongside: () => T): T => {
    const result = database.transaction(() => {
      advance(checkpoints, work, consumersOf, consumers === null ? null : runner);
      return alongside();
    });
    work.clear();
    sinceCheckpoint = 0;
    return result;
  };
  const note = (entry: JournalEntry, seq: number, runner: number) => {
    statements.committed(entry);
    if (consumers === null) return;
    work.note({ ...decidedOf(entry), seq, runner }, consumers);
    sinceCheckpoint += 1;
  };
  return {
    async record(entry) {
      const runner = runners.register();
      if (consumers !== null && sinceCheckpoint >= checkpointEvery)
        checkpoint(consumers, runner, () => {});
      const { result } = await writer.write(
        () => decide(statements, entry, runner),
        ({ seq }) => {
          if (seq !== null) note(entry, seq, runner);
        },
      );
      return result;
    },
    find: async (consumer, messageId) => statements.find(consumer, messageId),
    flow: async (consumer, flowId) => statements.flow(consumer, flowId),
    history: async (flowId) => statements.history(flowId),
    async unfinished(consumersOf) {
      writer.flush();
      const runner = runners.register();
      const found = checkpoint(consumersOf, runner, () => takeOver(database, runners, runner));
      consumers = consumersOf;
      return found;
    },
    checkpoint() {
      if (consumers !== null) checkpoint(consumers, runners.register(), () => {});
    },
  };
}

type Decided = { readonly seq: number | null; readonly result: RecordResult };

function decide(statements: EntryStatements, entry: JournalEntry, runner: number): Decided {
  const seq = statements.insert(entry, runner);
  if (seq !== null) return { seq, result: { outcome: "recorded" } };
  const known = statements.find(entry.consumer, entry.message.id);
  return {
    seq,
    result: known === undefined ? { outcome: "conflict" } : { outcome: "duplicate", entry: known },
  };
}

const decidedOf = ({ consumer, message, flow, outgoing, timers }: JournalEntry) => ({
  consumer,
  messageId: message.id,
  flowId: message.flowId,
  isEnded: flow?.ended === true,
  outgoing,
  timers,
});
