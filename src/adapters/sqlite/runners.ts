import { hostname } from "node:os";
import type { Clock } from "../../pipeline/ports.ts";
import type { Database } from "./database.ts";

const leaseMs = 20_000;
const renewEveryMs = 5_000;

/** The processes that use this file, as far as it matters who is alive. */
export type Runners = {
  /** The number of this one; registers it when it was not. Never inside a transaction, whose end may undo it. */
  register(): number;
  /** Whether somebody else's work must be left alone. */
  isAlive(runner: number): boolean;
  /** Forgets who is gone. Inside a transaction, when nothing is left under their numbers. */
  removeGone(): void;
  /** Leaves: what this runner did not finish is free for the next one. */
  leave(): void;
};

/**
 * A runner is alive while its lease holds and, on this host, while its process exists: after a
 * kill its work is free at once, on another host when the lease has run out. Every opening of the
 * file is a runner of its own, so that a restart under the same name does not wait for itself. One
 * that never records is never registered.
 */
export function createRunners(options: {
  readonly database: Database;
  readonly clock: Clock;
  readonly name: string;
  readonly onError: (error: unknown) => void;
}): Runners {
  const { database, clock, name } = options;
  const { query } = database;
  const host = hostname();
  let own: { readonly id: number; readonly renewing: NodeJS.Timeout } | null = null;

  const lease = () => ({ name, host, pid: process.pid, lease_until_ms: clock.nowMs() + leaseMs });
  /** Also brings back a row that others removed while this process was suspended. */
  const renew = (id: number) => {
    const row = { id, ...lease() };
    database.run(
      query
        .insertInto("runner")
        .values(row)
        .onConflict((conflict) =>
          conflict.column("id").doUpdateSet({ lease_until_ms: row.lease_until_ms }),
        ),
    );
  };
  const startRenewing = (id: number) =>
    setInterval(() => {
      try {
        renew(id);
      } catch (error) {
        // The lease outlives a few failed renewals; losing it costs a second delivery, no data.
        options.onError(error);
      }
    }, renewEveryMs).unref();

  const rows = () => database.all(query.selectFrom("runner").selectAll());
  const isGone = (row: ReturnType<typeof rows>[number]) =>
    row.id !== own?.id &&
    (row.lease_until_ms <= clock.nowMs() || (row.host === host && !isProcess(row.pid)));
  return {
    register() {
      if (own !== null) return own.id;
      const inserted = database.first(query.insertInto("runner").values(lease()).returning("id"));
      const id = inserted?.id ?? 0;
      own = { id, renewing: startRenewing(id) };
      return id;
    },
    isAlive: (runner) => rows().some((row) => row.id === runner && !isGone(row)),
    removeGone() {
      for (const row of rows().filter(isGone))
        database.run(query.deleteFrom("runner").where("id", "=", row.id));
    },
    leave() {
      if (own === null) return;
      clearInterval(own.renewing);
      database.run(query.deleteFrom("runner").where("id", "=", own.id));
      own = null;
    },
  };
}

function isProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it exists and belongs to somebody else.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
