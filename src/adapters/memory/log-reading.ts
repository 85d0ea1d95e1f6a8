import { TuError } from "../../pipeline/errors.ts";
import type { LogReading, LogReadOptions, ReadRecord } from "../../pipeline/ports/event-log.ts";
import { onlyOnce } from "./connection.ts";
import type { Partition } from "./log-partition.ts";

type ReadingOptions = {
  readonly partitions: readonly Partition[];
  readonly fromMs: LogReadOptions["fromMs"];
  readonly missing: readonly string[];
  readonly handler: (record: ReadRecord) => void | Promise<void>;
  readonly isUp: () => boolean;
  readonly onError: (error: unknown, where: string) => void;
};

/** Where a partition is read next, and its end when the reading began. */
type Place = { readonly partition: Partition; position: number; readonly goal: number };

/** The readings that are open. */
export function createReadings() {
  const open = new Set<ReturnType<typeof createReading>>();
  return {
    begin(options: ReadingOptions): LogReading {
      const created = createReading(options);
      open.add(created);
      const close = onlyOnce(async () => {
        await created.reading.close();
        open.delete(created);
      });
      return { ...created.reading, close };
    },
    resume() {
      for (const { resume } of open) resume();
    },
    async close() {
      await Promise.all([...open].map(({ reading }) => reading.close()));
    },
  };
}

/** Reads partitions without a group, one record at a time. */
function createReading(options: ReadingOptions) {
  const { fromMs, isUp, missing } = options;
  const places = options.partitions.map((partition): Place => {
    const goal = partition.nextOffset();
    return { partition, goal, position: fromMs === "end" ? goal : partition.offsetAt(fromMs) };
  });
  const behind = new Set(places);
  const caughtUp = createPromise();
  let draining: Promise<void> | null = null;
  let isClosed = false;
  let turn = 0;

  /** The partitions take turns. */
  const next = () => {
    for (let tries = 0; tries < places.length; tries += 1) {
      const place = places[turn++ % places.length] as Place; // below the length
      const found = place.partition.next(place.position);
      if (found !== undefined) return { place, found };
    }
    return undefined;
  };
  const isThere = ({ goal, partition, position }: Place) =>
    position >= goal || (partition.next(position)?.offset ?? goal) >= goal;
  const settle = (some: readonly Place[]) => {
    if (behind.size > 0) for (const place of some) if (isThere(place)) behind.delete(place);
    if (behind.size === 0) caughtUp.resolve();
  };
  const drain = async () => {
    await null; // not inside append: its caller has not continued yet
    settle(places);
    while (isUp() && !isClosed) {
      const one = next();
      if (one === undefined) break;
      const { found, place } = one;
      const { topic, index } = place.partition;
      const { atMs, offset, record } = found;
      try {
        await options.handler({ ...record, partition: index, offset, atMs });
      } catch (error) {
        options.onError(error, `reading ${topic}[${index}]`);
      }
      place.position = offset + 1;
      place.partition.release();
      settle([place]);
    }
    draining = null;
    settle(places); // what was compacted away is not waited for
  };
  const pump = () => {
    if (!isClosed) draining ??= drain();
  };
  const ends = places.map(({ partition }, at) =>
    partition.look({ position: () => places[at]?.position ?? 0, appended: pump }),
  );
  const close = async () => {
    isClosed = true;
    caughtUp.reject(new TuError("E_SERVICE_UNAVAILABLE", "the reading was closed"));
    for (const end of ends) end();
    await draining;
  };
  pump();
  const reading: LogReading = { missing, caughtUp: caughtUp.promise, close: onlyOnce(close) };
  return { reading, resume: pump };
}

/** It may reject without anybody listening. */
function createPromise() {
  let resolve = () => {};
  let reject = (_: unknown) => {};
  const promise = new Promise<void>((fulfil, fail) => {
    resolve = fulfil;
    reject = fail;
  });
  promise.catch(() => undefined);
  return { promise, resolve, reject };
}
