import type { LogRecord } from "../../pipeline/ports/event-log.ts";
import { keyText, type Partition } from "./log-partition.ts";

/** A record that was read and is not behind the committed offset yet. */
export type Flight = {
  readonly offset: number;
  readonly record: LogRecord;
  readonly key: string | null;
  isDone: boolean;
};

/** What a group has read of a partition, from the committed offset on. */
export type LogWindow = {
  committed(): number;
  /** Reads ahead while fewer than `size` are pending; returns those with no predecessor. */
  read(size: number): readonly Flight[];
  isOpen(flight: Flight): boolean;
  /** Gives the flight that waited for this one. */
  done(flight: Flight): Flight | undefined;
  /** Forgets what was read; `read` begins at the committed offset again. */
  reset(): void;
  /** Records below `offset` are gone. */
  lost(offset: number): void;
};

/**
 * 1. `flights` are in the order of offsets; none is below `committed`.
 * 2. `lines` has the flights of each key that are not done; only the first of a line is delivered.
 * 3. `committed` is the first flight's offset or, without flights, `position`: what was compacted away
 *    is not waited for.
 */
export function createWindow(partition: Partition, from: "earliest" | "latest"): LogWindow {
  let committed = from === "earliest" ? partition.firstOffset() : partition.nextOffset();
  let position = committed;
  let flights = new Map<number, Flight>();
  let lines = createLines();

  const isOpen = (flight: Flight) => flights.get(flight.offset) === flight && !flight.isDone;
  const readOne = (): Flight | undefined => {
    const next = partition.next(position);
    if (next === undefined) return undefined;
    position = next.offset + 1;
    const flight = { ...next, key: keyText(next.record.key), isDone: false };
    flights.set(flight.offset, flight);
    return flight;
  };
  return {
    committed: () => committed,
    read(size) {
      const first: Flight[] = [];
      while (flights.size < size) {
        const flight = readOne();
        if (flight === undefined) break;
        if (lines.join(flight)) first.push(flight);
      }
      return first;
    },
    isOpen,
    done(flight) {
      flight.isDone = true;
      for (const [offset, { isDone }] of flights) {
        if (!isDone) break;
        flights.delete(offset);
      }
      const [first] = flights.keys();
      committed = first ?? position;
      return lines.leave(flight);
    },
    reset() {
      flights = new Map();
      lines = createLines();
      position = committed;
    },
    lost(offset) {
      committed = Math.max(committed, offset);
      position = Math.max(position, offset);
    },
  };
}

/** The order of records with one key: first come, first served. Records without a key wait for none. */
function createLines() {
  const lines = new Map<string, Flight[]>();
  return {
    /** True: it has no predecessor. */
    join(flight: Flight): boolean {
      if (flight.key === null) return true;
      const line = lines.get(flight.key) ?? [];
      lines.set(flight.key, line);
      return line.push(flight) === 1;
    },
    /** Who is next once the first of a line is done. */
    leave({ key }: Flight): Flight | undefined {
      if (key === null) return undefined;
      const line = lines.get(key) ?? [];
      line.shift();
      if (line.length === 0) lines.delete(key);
      return line[0];
    },
  };
}
