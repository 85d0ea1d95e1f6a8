import type { Clock } from "../../pipeline/ports/clock.ts";
import type { Database } from "./database.ts";
import { isProcessGone, thisProcess } from "./process-identity.ts";
import { realTurns, type Turns } from "./turns.ts";

const leaseMs = 10_000;
const renewEveryMs = 3_000;
/** No live lease ends later than this: the clock was set back, and it has not been renewed since. */
const longestLeaseMs = leaseMs + 5_000;

/** Those that use this file, as far as it matters who is alive. */
export type Runners = {
  /** The number of this one; registers it when it was not. Never inside a transaction, whose end may undo it. */
  register(): number;
  /** Null while it is not registered. */
  own(): number | null;
  /** Whether that runner's work must be left alone. */
  isAlive(runner: number): boolean;
  hasOthers(): boolean;
  /** Forgets who is gone. Inside a transaction, when nothing is left under their numbers. */
  removeGone(): void;
  /** Leaves: what this runner did not finish is free for the others. */
  leave(): void;
};

/**
 * A runner is alive while its lease holds; it is gone sooner when this system can tell that its process is.
 * Every opening of the file is a runner of its own, so that a restart does not wait for itself. One that
 * never records is never registered.
 */
export function createRunners(options: {
  readonly database: Database;
  readonly clock: Clock;
  readonly name: string;
  readonly onError: (error: unknown) => void;
  readonly turns?: Turns;
}): Runners {
  const { database, clock, name, turns = realTurns } = options;
  const { query } = database;
  const own = { process: thisProcess(), id: null as number | null };
  let stopRenewing = () => {};
  /** Whatever becomes of what others are writing. */
  const atOnce = <T>(body: () => T): T => database.transaction(body);

  const lease = () => ({
    name,
    process: own.process,
    lease_until_ms: clock.nowMs() + leaseMs,
  });
  /** Also brings back a row that others removed while this process was suspended. */
  const renew = (id: number) => {
    const row = { id, ...lease() };
    const upsert = query
      .insertInto("runner")
      .values(row)
      .onConflict((conflict) =>
        conflict.column("id").doUpdateSet({ lease_until_ms: row.lease_until_ms }),
      );
    atOnce(() => database.run(upsert));
  };
  const startRenewing = (id: number) =>
    turns.every(renewEveryMs, () => {
      try {
        renew(id);
      } catch (error) {
        // The lease outlives a few failed renewals; losing it costs a second delivery, no data.
        options.onError(error);
      }
    });

  const rows = () => database.all(query.selectFrom("runner").selectAll());
  const holds = (untilMs: number) => {
    const leftMs = untilMs - clock.nowMs();
    return leftMs > 0 && leftMs <= longestLeaseMs;
  };
  const isGone = ({ id, lease_until_ms, process }: ReturnType<typeof rows>[number]) =>
    id !== own.id && (!holds(lease_until_ms) || isProcessGone(process));
  return {
    register() {
      if (own.id !== null) return own.id;
      const insert = query.insertInto("runner").values(lease()).returning("id");
      const inserted = atOnce(() => database.first(insert));
      const id = inserted?.id ?? 0;
      own.id = id;
      stopRenewing = startRenewing(id);
      return id;
    },
    own: () => own.id,
    isAlive: (runner) => rows().some((row) => row.id === runner && !isGone(row)),
    hasOthers: () => rows().some((row) => row.id !== own.id && !isGone(row)),
    removeGone() {
      for (const row of rows().filter(isGone))
        database.run(query.deleteFrom("runner").where("id", "=", row.id));
    },
    leave() {
      if (own.id === null) return;
      stopRenewing();
      const removal = query.deleteFrom("runner").where("id", "=", own.id);
      atOnce(() => database.run(removal));
      own.id = null;
    },
  };
}
