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
import type { Journal, OwedTo } from "../pipeline/ports.ts";
import { clockOf } from "./clocks.ts";
import type { Nature } from "./faults.ts";
import type { JournalKeeper } from "./journals.ts";
import type { Life } from "./scheduler.ts";

// The shipped journal on a real file. Its turns and its clock are the simulated ones, so that a seed is one run.
// A process that dies leaves its connection as it is; what it had not committed is gone. Sometimes the power
// goes in the middle of a commit: a part of what was written of it is on the disk, and nothing behind it.

/** Memory where there is some: a thousand commits would wait for a real disk. */
const place = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
const driver = await loadDriver();
const recordedSql = `SELECT name, message_id FROM entry JOIN consumer ON consumer.id = entry.consumer
  ORDER BY seq`;

/** `file` is a bug: the disk says that it has written what it has not. */
export async function openSqliteJournals(
  nature: Nature,
  owedTo: OwedTo,
  file?: "forgets",
): Promise<JournalKeeper> {
  const directory = mkdtempSync(join(place, "tu-analyze-simulation-"));
  const connections: Database[] = [];
  const writers = new Map<Life, Writer>();
  let files = 1;
  const fileOf = (number: number) => join(directory, `${number}.db`);
  await createFile(fileOf(files));

  const connect = () => {
    const database = reopenDatabase(driver, fileOf(files), 0);
    connections.push(database);
    return database;
  };
  /** The power goes while what waits is committed. */
  const tear = (writer: Writer) => {
    const log = `${fileOf(files)}-wal`;
    const before = statSync(log).size;
    // As it was: pages are copied from the log only once all of it is on the disk.
    copyFileSync(fileOf(files), fileOf(files + 1));
    writer.flush();
    const after = statSync(log).size;
    if (after <= before) return; // it was written from its beginning again: cutting would take what was promised
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
      const database = connect();
      const turns = turnsOf(nature, life);
      const clock = clockOf(nature, life);
      const writer = createWriter(database, turns);
      writers.set(life, writer);
      const onError = () => undefined; // a lease that is not renewed runs out, and its work is taken over
      const runners = createRunners({ database, clock, name: "simulated", onError, turns });
      return createSqliteJournal({
        ...{ clock, database, runners, turns, writer, owedTo },
        checkpointEvery: 20,
      });
    },
    died(life, isAlone) {
      const writer = writers.get(life);
      writers.delete(life);
      if (writer !== undefined && isAlone && nature.random() < 0.5) tear(writer);
    },
    recorded() {
      const rows = connect().prepare(recordedSql).all([]);
      return rows.map((row) => ({
        consumer: String(row["name"]),
        id: idOf(row["message_id"] as Key), // a column that is never null
      }));
    },
    close() {
      for (const database of connections) database.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function createFile(file: string): Promise<void> {
  const database = await openDatabase(file, 0);
  migrate(database);
  database.close();
}

function turnsOf({ scheduler }: Nature, life: Life): Turns {
  return {
    next: (work) => void scheduler.after(life, 0).then(work),
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
