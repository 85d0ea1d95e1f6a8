import { setTimeout as sleep } from "node:timers/promises";
import { TuError } from "../../pipeline/errors.ts";
import type { LogReadOptions, TopicPartition } from "../../pipeline/ports/event-log.ts";
import { nameOf } from "./assignment.ts";
import { unavailable } from "./errors.ts";
import type { FetchedPartition } from "./fetch-response.ts";
import type { Brokers, Led, TopicLayout, Wanted } from "./log-brokers.ts";
import { batchesIn, type RecordBatch } from "./record-batches.ts";

/** Where a partition is read. */
export type Place = TopicPartition & {
  /** Behind what was handled. */
  position: number;
  /** Behind what was fetched. */
  fetched: number;
  /** Its end when the reading began. */
  readonly goal: number;
};
export type Work = { readonly place: Place; readonly batches: readonly RecordBatch[] };
export type Beginning = TopicPartition & { readonly position: number; readonly goal: number };
export type Places = ReturnType<typeof createPlaces>;

/** What brokers answer about a partition, by Kafka's number. */
const codes = { outOfRange: 1, unknownTopic: 3, invalidTopic: 17, refused: 29 };
/** How many lives in a row have to find a topic gone: a broker that was just started knows few. */
const doubtsMax = 6;
const layoutTries = 25;
const layoutPauseMs = 200;

export const isMissing = ({ errorCode }: TopicLayout) =>
  errorCode === codes.unknownTopic || errorCode === codes.invalidTopic;

/** Where each partition begins. Waits for leaders that are being elected. */
export async function beginningsOf(
  brokers: Brokers,
  { fromMs, topics }: LogReadOptions,
): Promise<{ readonly beginnings: readonly Beginning[]; readonly missing: readonly string[] }> {
  const wanted = [...new Set(topics)];
  for (let left = layoutTries; left > 0; left -= 1) {
    const layout = await brokers.layoutOf(wanted);
    for (const { errorCode, topic } of layout) requireAllowed(errorCode, topic);
    const missing = layout.filter(isMissing).map(({ topic }) => topic);
    const there = layout.filter((topic) => !isMissing(topic));
    const beginnings = await beginningsIn(brokers, there, fromMs);
    if (beginnings !== null)
      return { beginnings, missing: wanted.filter((topic) => missing.includes(topic)) };
    await sleep(layoutPauseMs);
  }
  throw unavailable("up, but some partitions have no leader");
}

/** Null where it has to be asked again. */
async function beginningsIn(
  brokers: Brokers,
  layout: readonly TopicLayout[],
  fromMs: LogReadOptions["fromMs"],
): Promise<readonly Beginning[] | null> {
  const led = layout.flatMap(({ partitions }) => partitions);
  if (layout.some(({ errorCode }) => errorCode !== 0) || led.some(({ leader }) => leader < 0))
    return null;
  const ends = await brokers.offsets(led, "end");
  // Negative times mean something else to Kafka.
  const found =
    fromMs === "end" ? ends : await brokers.offsets(led, Math.max(0, Math.ceil(fromMs)));
  for (const { errorCode, topic } of [...ends, ...found]) requireAllowed(errorCode, topic);
  if ([...ends, ...found].some(({ errorCode }) => errorCode !== 0)) return null;
  const starts = new Map(found.map((one) => [nameOf(one), one.offset]));
  return ends.map(({ offset, partition, topic }) => {
    const goal = offset ?? 0;
    return { topic, partition, goal, position: starts.get(nameOf({ topic, partition })) ?? goal };
  });
}

function requireAllowed(errorCode: number, topic: string): void {
  if (errorCode === codes.refused)
    throw new TuError("E_ACCESS_REFUSED", `reading topic ${topic} is not allowed`);
}

/** How far each partition is, and whether all have caught up. */
export function createPlaces(beginnings: readonly Beginning[]) {
  const places = new Map(
    beginnings.map((one): [string, Place] => [nameOf(one), { ...one, fetched: one.position }]),
  );
  const behind = new Set(places.values());
  const doubts = new Map<string, number>();
  const caughtUp = createPromise();
  let turn = 0;

  const settle = (place: Place) => {
    if (place.position >= place.goal) behind.delete(place);
    if (behind.size === 0) caughtUp.resolve();
  };
  const drop = (topic: string) => {
    for (const [name, place] of places) {
      if (place.topic !== topic) continue;
      places.delete(name);
      behind.delete(place);
    }
    if (behind.size === 0) caughtUp.resolve();
  };
  if (behind.size === 0) caughtUp.resolve();
  for (const place of places.values()) settle(place);
  return {
    settle,
    caughtUp: caughtUp.promise,
    giveUp: (reason: Error) => caughtUp.reject(reason),
    count: () => places.size,
    topics: () => [...new Set([...places.values()].map(({ topic }) => topic))],
    /** Those that can be read, for a life that begins. Topics that stay away are no longer read. */
    ledIn(layout: readonly TopicLayout[]): readonly Led[] {
      for (const topic of layout.filter(isMissing).map((one) => one.topic)) {
        const times = (doubts.get(topic) ?? 0) + 1;
        doubts.set(topic, times);
        if (times >= doubtsMax) drop(topic);
      }
      for (const topic of layout) if (!isMissing(topic)) doubts.delete(topic.topic);
      for (const place of places.values()) place.fetched = place.position;
      const led = layout.flatMap(({ partitions }) => partitions);
      return led.filter((one) => one.leader >= 0 && places.has(nameOf(one)));
    },
    /** Those that come first fill an answer, so they take turns. */
    wanted(led: readonly Led[]): readonly Wanted[] {
      const first = turn++ % led.length;
      return [...led.slice(first), ...led.slice(0, first)].flatMap((one) => {
        const place = places.get(nameOf(one));
        return place === undefined ? [] : [{ ...one, offset: place.fetched }];
      });
    },
    take(partitions: readonly FetchedPartition[]): readonly Work[] {
      const work = partitions.flatMap((one) => {
        const place = places.get(nameOf(one));
        if (place === undefined || one.batches.length === 0) return [];
        const batches = batchesIn(one);
        place.fetched = batches.at(-1)?.next ?? place.fetched;
        return [{ place, batches }];
      });
      // Where nothing at all came, nothing was left out for its size: up to the ends there are only gaps.
      if (work.length === 0)
        for (const one of partitions) {
          const place = places.get(nameOf(one));
          if (place !== undefined && one.errorCode === 0) behind.delete(place);
        }
      if (behind.size === 0) caughtUp.resolve();
      return work;
    },
    /** Goes on with the first record where those that were wanted are gone; false if something else is wrong. */
    async mend(partitions: readonly FetchedPartition[], brokers: Brokers, led: readonly Led[]) {
      const troubled = partitions.filter(({ errorCode }) => errorCode !== 0);
      if (troubled.length === 0) return true;
      if (troubled.some(({ errorCode }) => errorCode !== codes.outOfRange)) return false;
      const names = new Set(troubled.map(nameOf));
      const starts = await brokers.offsets(
        led.filter((one) => names.has(nameOf(one))),
        "start",
      );
      for (const { errorCode, offset, ...at } of starts) {
        const place = places.get(nameOf(at));
        if (errorCode !== 0 || place === undefined) return false;
        place.position = offset ?? 0;
        place.fetched = place.position;
        settle(place);
      }
      return true;
    },
  };
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
