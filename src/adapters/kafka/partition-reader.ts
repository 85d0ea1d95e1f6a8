import { createKeyLines } from "../../pipeline/key-lines.ts";
import type { LogRecord } from "../../pipeline/ports/event-log.ts";

/** A record that was taken from the buffer and is not below the committed offset. */
export type Flight = {
  readonly offset: number;
  readonly record: LogRecord;
  readonly key: string | null;
  isDone: boolean;
};

type Fetched = { readonly offset: number; readonly record: LogRecord };

export type PartitionReader = {
  readonly topic: string;
  readonly partition: number;
  /** The group's offset where it is known: nothing below it is delivered. */
  startAt(offset: number): void;
  /** Takes what was fetched; what it has already is ignored. `highWatermark` is the end of the partition. */
  feed(records: readonly Fetched[], next: number, highWatermark: number): void;
  sawEnd(highWatermark: number): void;
  /** Those to deliver now: as many as the window allows, each without a predecessor. */
  take(): readonly Flight[];
  isOpen(flight: Flight): boolean;
  /** Returns the flight that waited for this one. */
  done(flight: Flight): Flight | undefined;
  /** More than another window has been fetched: fetch no more for now. */
  isFull(): boolean;
  /** Where it would fetch next while nothing is in hand; null if something is, or the place is not known yet. */
  idleAt(): number | null;
  /** The contiguous prefix of what is done ends here; null while the place is not known. */
  committable(): number | null;
  end(): number;
  lag(): number;
  lastProgressAtMs(): number;
};

/**
 * One partition of a group, as one member reads it.
 *
 * 1. `flights` are in offset order, and none is below `committable`. The buffer follows them, and `position` follows
 *    the buffer.
 * 2. `lines` has the flights of each key that are not done; only the first of a line is delivered.
 * 3. Offsets have gaps. What was compacted away is not waited for.
 */
export function createPartitionReader(options: {
  readonly topic: string;
  readonly partition: number;
  readonly window: number;
  readonly nowMs: () => number;
}): PartitionReader {
  const flights = new Map<number, Flight>();
  const lines = createKeyLines<Flight>();
  let buffer: readonly Fetched[] = [];
  /** Where it goes on in the buffer: to shorten it for every record would copy all of it each time. */
  let head = 0;
  let position: number | null = null;
  let end = 0;
  let progressAtMs = options.nowMs();

  const left = () => buffer.length - head;
  const committable = () => {
    const [first] = flights.keys();
    return first ?? buffer[head]?.offset ?? position;
  };
  const lag = () => Math.max(0, end - (committable() ?? end));
  const grow = (highWatermark: number) => {
    const wasIdle = lag() === 0;
    end = Math.max(end, highWatermark);
    if (wasIdle && lag() > 0) progressAtMs = options.nowMs();
  };
  const takeOne = ({ offset, record }: Fetched): Flight => {
    const flight = { offset, record, key: keyText(record.key), isDone: false };
    flights.set(offset, flight);
    return flight;
  };
  const isOpen = (flight: Flight) => flights.get(flight.offset) === flight && !flight.isDone;
  return {
    topic: options.topic,
    partition: options.partition,
    startAt(offset) {
      position ??= offset;
    },
    feed(records, next, highWatermark) {
      const from = position ?? 0;
      const fresh = records.filter(({ offset }) => offset >= from);
      position ??= records[0]?.offset ?? next;
      grow(highWatermark);
      buffer = [...buffer.slice(head), ...fresh];
      head = 0;
      position = Math.max(position, next);
    },
    sawEnd: grow,
    take() {
      const room = Math.max(0, options.window - flights.size);
      const taken = buffer.slice(head, head + room).map(takeOne);
      head += taken.length;
      if (head === buffer.length) buffer = [];
      if (buffer.length === 0) head = 0;
      return taken.filter((flight) => lines.join(flight));
    },
    isOpen,
    done(flight) {
      flight.isDone = true;
      progressAtMs = options.nowMs();
      for (const [offset, { isDone }] of flights) {
        if (!isDone) break;
        flights.delete(offset);
      }
      return lines.leave(flight);
    },
    isFull: () => left() > options.window,
    idleAt: () => (flights.size + left() === 0 ? position : null),
    committable,
    end: () => end,
    lag,
    lastProgressAtMs: () => progressAtMs,
  };
}

function keyText(key: Uint8Array | null): string | null {
  return key === null || key.length === 0 ? null : Buffer.from(key).toString("latin1");
}
