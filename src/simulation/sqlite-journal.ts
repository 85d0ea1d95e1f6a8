import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  type Database,
  loadDriver,
  openDatabase,
  reopenDatabase,
} from "../adapters/sqlite/database.ts";
import { createSqliteJournal } from "../adapters/sqlite/journal.ts";
import { idOf, type Key } from "../adapters/sqlite/keys.ts";
import { migrate } from "../adapters/sqlite/migrations.ts";
import { createRunners } from "../adapters/sqlite/runners.ts";
import type { Turns } from "../adapters/sqlite/turns.ts";
import { createWriter, type Writer } from "../adapters/sqlite/writer.ts";
import { TuError } from "../pipeline/errors.ts";
import type { Journal } from "../pipeline/ports/journal.ts";
import { clockOf } from "./clocks.ts";
import type { Nature } from "./faults.ts";
import type { JournalKeeper, JournalsOptions } from "./journals.ts";
import type { Life } from "./scheduler.ts";

// The shipped journal on a real file. Its turns and its clock are simulated, so that a seed is one run. A process
// that dies leaves its connection as it is; uncommitted writes are lost. Sometimes the power fails during a commit:
// part of its writes are on the disk, and nothing after them.

/** In memory if possible: a thousand commits would wait for a real disk. */
const place = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const driver = await loadDriver();
const recordedSql = `SELECT name, message_id FROM entry JOIN consumer ON consumer.id = entry.consumer
  ORDER BY seq`;

export async function openSqliteJournals({
  file,
  nature,
  owedTo,
}: JournalsOptions): Promise<JournalKeeper> {
  const directory = mkdtempSync(join(place, "tu-analyze-simulation-"));
  const connections: Database[] = [];
  const opened = new Map<Life, { readonly writer: Writer; readonly database: Database }>();
  let files = 1;
  const fileOf = (number: number) => join(directory, `${number}.db`);
  await createFile(fileOf(files));

  const connect = () => {
    const database = reopenDatabase(driver, fileOf(files), 0);
    connections.push(database);
    return database;
  };
  /** The power fails during the commit of what is pending. */
  const tear = (writer: Writer) => {
    const log = `${fileOf(files)}-wal`;
    const before = statSync(log).size;
    // The state before: pages are copied from the log only once all of it is on the disk.
    copyFileSync(fileOf(files), fileOf(files + 1));
    flushed(writer);
    const after = statSync(log).size;
    if (after <= before) return; // the log was restarted from its beginning: cutting would lose durable entries
    files += 1;
    copyFileSync(log, `${fileOf(files)}-wal`);
    const promised = file === "forgets" ? before / 2 : before;
    truncateSync(
      `${fileOf(files)}-wal`,
      Math.floor(promised + nature.random() * (after - promised)),
    );
  };
  return {
    journalOf(life): Journal {
      const database = failing(connect(), nature);
      const turns = turnsOf(nature, life);
      const clock = clockOf(nature, life);
      const writer = createWriter(database, turns);
      opened.set(life, { writer, database });
      const onError = () => undefined; // a lease that is not renewed expires, and its work is adopted
      const runners = createRunners({ database, clock, name: "simulated", onError, turns });
      return createSqliteJournal({
        ...{ clock, database, runners, turns, writer, owedTo },
        checkpointEvery: 20,
      });
    },
    died(life, isAlone) {
      const one = opened.get(life);
      opened.delete(life);
      if (one === undefined) return;
      if (isAlone && nature.random() < 0.5) tear(one.writer);
      one.database.rollback();
    },
    recorded() {
      const rows = connect().prepare(recordedSql).all([]);
      return rows.map((row) => ({
        consumer: String(row["name"]),
        id: idOf(row["message_id"] as Key), // a non-null column
      }));
    },
    close() {
      for (const database of connections) database.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A full or locked disk also fails commits. */
function failing(database: Database, { ledger, random, weather }: Nature): Database {
  return {
    ...database,
    commit() {
      if (weather().isFull || random() < weather().storeBusy) {
        ledger.note("store");
        throw new TuError("E_STATE_FULL", "the simulated disk took no commit");
      }
      database.commit();
    },
  };
}

function flushed(writer: Writer): void {
  try {
    writer.flush();
  } catch {
    // the power failed before it was accepted
  }
}

async function createFile(file: string): Promise<void> {
  const database = await openDatabase(file, 0);
  migrate(database);
  database.close();
}

/** A turn may outlast anything else, so that a crash finds much that is accepted and not committed. */
function turnsOf({ random, scheduler, weather }: Nature, life: Life): Turns {
  const turnMs = () => (random() < 0.5 ? random() * 8 * weather().slowestMs : 0);
  return {
    next: (work) => void scheduler.after(life, turnMs()).then(work),
    every(ms, work) {
      let isOver = false;
      const again = async (): Promise<void> => {
        await scheduler.after(life, ms);
        if (isOver) return;
        work();
        await again();
      };
      void again();
      return () => {
        isOver = true;
      };
    },
  };
}
