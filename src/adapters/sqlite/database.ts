import { open } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import type { Compilable, Kysely } from "kysely";
import type { Schema } from "./schema.ts";
import { isBusy, toStateError, unusable } from "./state-error.ts";

type Value = string | number | Uint8Array | null;
/**
 * A prepared statement; the hot path calls it directly. Of one statement only `first` or only `all`: after
 * `all`, libsql's next `get` gives nothing.
 */
export type Statement = {
  run(values: readonly Value[]): { readonly changes: number; readonly seq: number };
  first(values: readonly Value[]): Row | undefined;
  all(values: readonly Value[]): readonly Row[];
};
type Row = Readonly<Record<string, Value>>;

/** One connection to the state file. Everything is synchronous; errors come as TuError where a user can act. */
export type Database = {
  readonly file: string;
  /** Builds queries; `all`, `first` and `run` execute them. */
  readonly query: Kysely<Schema>;
  all<Row>(query: Compilable<Row>): readonly Row[];
  first<Row>(query: Compilable<Row>): Row | undefined;
  /** Gives the number of changed rows. */
  run(query: Compilable<unknown>): number;
  prepare(sql: string): Statement;
  exec(sql: string): void;
  pragma(name: string): number;
  /** What SQLite finds broken in the file, in its words. Reads all of it. */
  integrityProblems(): string[];
  /** All of `body` or nothing, and no other process writes meanwhile. `body` must not await. */
  transaction<T>(body: () => T): T;
  /** Begins one that outlasts the call; no other process writes meanwhile. A `transaction` has `end` end it first. */
  begin(end: () => void): void;
  /** Throws when it could not be committed; it is still to be rolled back then. */
  commit(): void;
  rollback(): void;
  /** The same for part of a transaction, which continues if `body` throws. */
  part<T>(body: () => T): T;
  /** `listener` hears of every transaction that did not commit. */
  onRollback(listener: () => void): void;
  close(): void;
};

/** The part of libsql's better-sqlite3 interface that is used. */
type Native = {
  prepare(sql: string): {
    run(values: readonly unknown[]): { changes: number; lastInsertRowid: number | bigint };
    get(values: readonly unknown[]): unknown;
    all(values: readonly unknown[]): unknown[];
  };
  exec(sql: string): unknown;
  readonly inTransaction: boolean;
  close(): unknown;
};

/**
 * Opens or creates the file (0600), in a directory that exists, in WAL mode with synchronous=FULL: a commit
 * is on the disk when it returns. Throws E_STATE_UNUSABLE, and E_STATE_BUSY when another process
 * holds the file for longer than `busyTimeoutMs`.
 */
export async function openDatabase(file: string, busyTimeoutMs: number): Promise<Database> {
  const driver = await loadDriver();
  await createPrivateFile(file);
  const native = openNative(() => driver.connect(file, busyTimeoutMs), file);
  try {
    // Entries are of 2 to 4 KB: on pages of 4 KB each would have one to itself, half of it empty.
    native.exec("PRAGMA page_size = 8192");
    await enterWal(native, busyTimeoutMs);
    native.exec(ofConnection);
  } catch (error) {
    native.close();
    throw toStateError(error, file);
  }
  return createDatabase(native, driver.query, file);
}

const ofConnection = "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;";

/** What has to be loaded before a file is opened. */
export type Driver = {
  readonly connect: (file: string, busyTimeoutMs: number) => Native;
  readonly query: Kysely<Schema>;
};

export async function loadDriver(): Promise<Driver> {
  const [{ default: Libsql }, query] = await Promise.all([import("libsql"), createQueryBuilder()]);
  return { query, connect: (file, timeout) => new Libsql(file, { timeout }) };
}

/** The same for a file that was opened before, without waiting for anything. */
export function reopenDatabase(driver: Driver, file: string, busyTimeoutMs: number): Database {
  const native = openNative(() => driver.connect(file, busyTimeoutMs), file);
  native.exec(ofConnection);
  return createDatabase(native, driver.query, file);
}

async function createQueryBuilder(): Promise<Kysely<Schema>> {
  const { DummyDriver, Kysely, SqliteAdapter, SqliteIntrospector, SqliteQueryCompiler } =
    await import("kysely");
  return new Kysely<Schema>({
    dialect: {
      createAdapter: () => new SqliteAdapter(),
      // Kysely builds; `Database` executes, because a transaction here must not await.
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

async function createPrivateFile(file: string): Promise<void> {
  try {
    // SQLite gives the -wal and -shm files the mode of this one.
    const handle = await open(file, "a", 0o600);
    await handle.close();
  } catch (error) {
    throw toStateError(error, file);
  }
}

function openNative(connect: () => Native, file: string): Native {
  try {
    return connect();
  } catch (error) {
    throw unusable(file, error);
  }
}

/** SQLite does not wait for its busy timeout here, so two processes that create a file would fail. */
async function enterWal(native: Native, busyTimeoutMs: number): Promise<void> {
  const pauseMs = 20;
  for (let waitedMs = 0; ; waitedMs += pauseMs) {
    try {
      native.prepare("PRAGMA journal_mode = WAL").all([]);
      return;
    } catch (error) {
      if (!isBusy(error) || waitedMs >= busyTimeoutMs) throw error;
      await wait(pauseMs);
    }
  }
}

function createDatabase(native: Native, query: Kysely<Schema>, file: string): Database {
  const prepared = new Map<string, ReturnType<Native["prepare"]>>();
  const rollbackListeners: (() => void)[] = [];
  let endBegun: (() => void) | null = null;
  let isClosed = false;
  const guard = <T>(body: () => T): T => {
    // libsql keeps a closed connection working for as long as a statement of it lives.
    if (isClosed) throw new Error(`${file} was used after it had been closed`);
    try {
      return body();
    } catch (error) {
      throw toStateError(error, file);
    }
  };
  const statement = (sql: string) => {
    const known = prepared.get(sql) ?? native.prepare(sql);
    prepared.set(sql, known);
    return known;
  };
  const all = <Row>(compilable: Compilable<Row>): Row[] => {
    const { sql, parameters } = compilable.compile();
    return guard(() => withBytes(statement(sql).all(parameters))) as Row[]; // the builder knows the columns
  };
  const begin = () => guard(() => void native.exec("BEGIN IMMEDIATE"));
  const commit = () => {
    guard(() => void native.exec("COMMIT"));
    endBegun = null;
  };
  const rollback = () => {
    endBegun = null;
    // A full disk or a broken file has ended it already; a connection that is closed cannot even be asked.
    if (!isClosed && native.inTransaction) guard(() => void native.exec("ROLLBACK"));
    for (const listener of rollbackListeners) listener();
  };
  return {
    file,
    query,
    all,
    first: (compilable) => all(compilable)[0],
    run(compilable) {
      const { sql, parameters } = compilable.compile();
      return guard(() => statement(sql).run(parameters)).changes;
    },
    prepare(sql) {
      const one = guard(() => native.prepare(sql));
      return {
        run(values) {
          const { changes, lastInsertRowid } = guard(() => one.run(values));
          return { changes, seq: Number(lastInsertRowid) };
        },
        // Rows hold SQLite values only.
        first: (values) => guard(() => one.get(values)) as Row | undefined,
        all: (values) => guard(() => withBytes(one.all(values))) as readonly Row[],
      };
    },
    exec: (sql) => guard(() => void native.exec(sql)),
    pragma: (name) => guard(() => Number(Object.values(readPragma(native, name))[0])),
    integrityProblems() {
      const rows = guard(() => native.prepare("PRAGMA integrity_check").all([]));
      return rows
        .map((row) => String(Object.values(row as Row)[0]))
        .filter((text) => text !== "ok");
    },
    part: (body) => guard(() => inPart(native, body)),
    begin(end) {
      begin();
      endBegun = end;
    },
    commit,
    rollback,
    transaction(body) {
      endBegun?.();
      try {
        begin();
        const result = guard(body);
        commit();
        return result;
      } catch (error) {
        rollback();
        throw error;
      }
    },
    onRollback: (listener) => void rollbackListeners.push(listener),
    close() {
      if (isClosed) return;
      try {
        guard(() => native.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all([]));
      } finally {
        isClosed = true;
        native.close();
      }
    },
  };
}

/** libsql gives what it gives as bytes for one row as a buffer for many, and does not take that back. */
function withBytes(rows: unknown[]): unknown[] {
  for (const row of rows as Record<string, unknown>[])
    for (const column in row) {
      const value = row[column];
      if (value instanceof ArrayBuffer) row[column] = new Uint8Array(value);
    }
  return rows;
}

const readPragma = (native: Native, name: string) =>
  native.prepare(`PRAGMA ${name}`).all([])[0] as Record<string, unknown>; // a pragma that reads gives one row

function inPart<T>(native: Native, body: () => T): T {
  native.exec("SAVEPOINT part");
  try {
    const result = body();
    native.exec("RELEASE part");
    return result;
  } catch (error) {
    // A full disk or a broken file has ended the transaction already.
    if (native.inTransaction) native.exec("ROLLBACK TO part; RELEASE part");
    throw error;
  }
}
