import { once } from "../../pipeline/once.ts";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type { Definitions } from "../../pipeline/ports/definitions.ts";
import type { Fingerprints } from "../../pipeline/ports/fingerprints.ts";
import type { FlowRetention } from "../../pipeline/ports/flow-retention.ts";
import type { Journal, OwedTo } from "../../pipeline/ports/journal.ts";
import type { Machines } from "../../pipeline/ports/machines.ts";
import type { Uploads } from "../../pipeline/ports/uploads.ts";
import { type Database, openDatabase } from "./database.ts";
import { createSqliteDefinitions } from "./definitions.ts";
import { createSqliteFingerprints } from "./fingerprints.ts";
import { createSqliteJournal } from "./journal.ts";
import { createSqliteMachines } from "./machines.ts";
import { migrate } from "./migrations.ts";
import { createRunners, type Runners } from "./runners.ts";
import { createSqliteUploads } from "./uploads.ts";
import { createWriter } from "./writer.ts";

export type SqliteStateOptions = {
  readonly clock: Clock;
  /** A name for people; every opening is a runner of its own, whatever its name. */
  readonly runnerId: string;
  /** How long to wait for another process that holds the file. Default 5 000. */
  readonly busyTimeoutMs?: number;
  /** Default: none. */
  readonly owedTo?: OwedTo;
  /** How many entries pass between two checkpoints of unfinished work. Default 2 500. */
  readonly checkpointEvery?: number;
  /** Hears of a file that an earlier version wrote, before it is brought up: that may take a while. */
  readonly onUpgrade?: ((file: string) => void) | undefined;
  /** Hears of a lease that could not be renewed; without it the process prints a warning. */
  readonly onError?: (error: unknown) => void;
};

export type SqliteState = {
  readonly journal: Journal;
  readonly flows: FlowRetention;
  readonly definitions: Definitions;
  readonly uploads: Uploads;
  readonly machines: Machines;
  readonly fingerprints: Fingerprints;
  /** Commits what is pending, leaves unfinished work to the next run, and closes the file. */
  close(): Promise<void>;
};

/**
 * Everything durable except the objects, in one file. Several processes may have it open. Throws E_STATE_UNUSABLE, E_STATE_NEWER, E_STATE_BUSY and E_STATE_FULL.
 */
export async function openSqliteState(
  file: string,
  options: SqliteStateOptions,
): Promise<SqliteState> {
  const { clock, runnerId, busyTimeoutMs = 5_000, checkpointEvery } = options;
  const database = await openDatabase(file, busyTimeoutMs);
  try {
    migrate(database, () => options.onUpgrade?.(file));
  } catch (error) {
    database.close();
    throw error;
  }
  const runners = createRunners({
    database,
    clock,
    name: runnerId,
    onError: options.onError ?? ((error) => process.emitWarning(String(error))),
  });
  const writer = createWriter(database);
  const journal = createSqliteJournal({
    database,
    writer,
    runners,
    clock,
    owedTo: options.owedTo ?? (() => []),
    ...(checkpointEvery === undefined ? {} : { checkpointEvery }),
  });
  return {
    journal,
    flows: journal.retention,
    definitions: createSqliteDefinitions(database, writer),
    uploads: createSqliteUploads(database, writer),
    machines: createSqliteMachines(database, writer),
    fingerprints: createSqliteFingerprints(database, writer),
    close: once(async () => {
      try {
        writer.flush();
        journal.checkpoint();
      } finally {
        writer.stop();
        release(runners, database);
      }
    }).get,
  };
}

/** Also when the last checkpoint failed: a lease that is still renewed would keep its work from others. */
function release(runners: Runners, database: Database): void {
  try {
    runners.leave();
  } finally {
    database.close();
  }
}
