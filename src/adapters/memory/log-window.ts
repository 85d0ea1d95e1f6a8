import { createKeyLines } from "../../pipeline/key-lines.ts";
import type { LogRecord } from "../../pipeline/ports/event-log.ts";
import { keyText, type Partition } from "./log-partition.ts";

/** A record that was read and is not below the committed offset yet. */
export type Flight = {
  readonly offset: number;
  readonly record: LogRecord;
  readonly key: string | null;
  isDone: boolean;
};

/** The records that a group has read from a partition, from the committed offset on. */
export type LogWindow = {
  committed(): number;
  /** Reads ahead while fewer than `size` are pending; returns those with no predecessor. */
  read(size: number): readonly Flight[];
  isOpen(flight: Flight): boolean;
  /** Returns the flight that waited for this one. */
  done(flight: Flight): Flight | undefined;
  /** Discards what was read; `read` begins at the committed offset again. */
  reset(): void;
  /** Records below `offset` are gone. */
  lost(offset: number): void;
};

/**
 * 1. `flights` are in offset order; none is below `committed`.
 * 2. `lines` has the flights of each key that are not done; only the first of a line is delivered.
 * 3. `committed` is the first flight's offset or, without flights, `position`: records that were compacted away are
 *    not waited for.
 */
export function createWindow(partition: Partition, from: "earliest" | "latest"): LogWindow {
  let committed = from === "earliest" ? partition.firstOffset() : partition.nextOffset();
  let position = committed;
  let flights = new Map<number, Flight>();
  let lines = createKeyLines<Flight>();

  const isOpen = (flight: Flight) => flights.get(flight.offset) === flight && !flight.isDone;
  const readOne = (): Flight | undefined => {
    const next = partition.next(position);
    if (next === undefined) return undefined;
    position = next.offset + 1;
    const { offset, record } = next;
    const flight = { offset, record, key: keyText(record.key), isDone: false };
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
      lines = createKeyLines<Flight>();
      position = committed;
    },
    lost(offset) {
      committed = Math.max(committed, offset);
      position = Math.max(position, offset);
    },
  };
}
