import { open } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import type { Compilable, Kysely } from "kysely";
import type { Schema } from "./schema.ts";
import { isBusy, toStateError, unusable } from "./state-error.ts";

type Value = string | number | Uint8Array | null;
/**
 * A prepared statement, called directly on the hot path. Use either `first` or `all` on one statement, not both:
 * after `all`, libsql's next `get` returns nothing.
 */
export type Statement = {
  run(values: readonly Value[]): { readonly changes: number; readonly seq: number };
  first(values: readonly Value[]): Row | undefined;
  all(values: readonly Value[]): readonly Row[];
};
type Row = Readonly<Record<string, Value>>;

/** One connection to the state file. Everything is synchronous; errors that a user can act on are TuErrors. */
export type Database = {
  readonly file: string;
  /** Builds queries; `all`, `first` and `run` execute them. */
  readonly query: Kysely<Schema>;
  all<Row>(query: Compilable<Row>): readonly Row[];
  first<Row>(query: Compilable<Row>): Row | undefined;
  /** Returns the number of changed rows. */
  run(query: Compilable<unknown>): number;
  prepare(sql: string): Statement;
  exec(sql: string): void;
  pragma(name: string): number;
  /** The corruption that SQLite reports, in its own words. Reads the whole file. */
  integrityProblems(): string[];
  /** Atomic, and no other process writes meanwhile. `body` must not await. */
  transaction<T>(body: () => T): T;
  /**
   * Begins a transaction that outlives the call; no other process writes meanwhile. `transaction` first calls `end`
   * on it.
   */
  begin(end: () => void): void;
  /** Throws if it could not be committed; it must then still be rolled back. */
  commit(): void;
  rollback(): void;
  /** The same for part of a transaction, which continues if `body` throws. */
  part<T>(body: () => T): T;
  /** Calls `listener` for every transaction that did not commit. */
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
 * Opens or creates the file (0600), in an existing directory, in WAL mode with synchronous=FULL: when a commit
 * returns, it is on disk. Throws E_STATE_UNUSABLE, and E_STATE_BUSY when another process holds the file for longer
 * than `busyTimeoutMs`.
 */
export async function openDatabase(file: string, busyTimeoutMs: number): Promise<Database> {
  const driver = await loadDriver();
  await createPrivateFile(file);
  const native = openNative(() => driver.connect(file, busyTimeoutMs), file);
  try {
    // Entries take 2 to 4 KB: on 4 KB pages, each would occupy a page of its own, half of it empty.
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

/** Modules that must be loaded before a file is opened. */
export type Driver = {
  readonly connect: (file: string, busyTimeoutMs: number) => Native;
  readonly query: Kysely<Schema>;
};

export async function loadDriver(): Promise<Driver> {
  const [{ default: Libsql }, query] = await Promise.all([import("libsql"), createQueryBuilder()]);
  return { query, connect: (file, timeout) => new Libsql(file, { timeout }) };
}

/** The same for a file that was opened before, synchronously. */
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
      // Kysely only builds queries; `Database` executes them, because a transaction here must not await.
      createDriver: () => new DummyDriver(),
      createIntrospector: (db) => new SqliteIntrospector(db),
      createQueryCompiler: () => new SqliteQueryCompiler(),
    },
  });
}

async function createPrivateFile(file: string): Promise<void> {
  try {
    // SQLite creates the -wal and -shm files with the mode of this one.
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

/** SQLite ignores its busy timeout here, so one of two processes that create a file would fail. */
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
    // libsql keeps a closed connection open for as long as one of its statements is alive.
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
    // A full disk or a corrupt file has ended the transaction already; a closed connection cannot even be queried.
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

/** What libsql's `get` returns as bytes, `all` returns as an ArrayBuffer, which libsql does not accept back. */
function withBytes(rows: unknown[]): unknown[] {
  for (const row of rows as Record<string, unknown>[])
    for (const column in row) {
      const value = row[column];
      if (value instanceof ArrayBuffer) row[column] = new Uint8Array(value);
    }
  return rows;
}

const readPragma = (native: Native, name: string) =>
  native.prepare(`PRAGMA ${name}`).all([])[0] as Record<string, unknown>; // a reading pragma returns one row

function inPart<T>(native: Native, body: () => T): T {
  native.exec("SAVEPOINT part");
  try {
    const result = body();
    native.exec("RELEASE part");
    return result;
  } catch (error) {
    // A full disk or a corrupt file has ended the transaction already.
    if (native.inTransaction) native.exec("ROLLBACK TO part; RELEASE part");
    throw error;
  }
}
