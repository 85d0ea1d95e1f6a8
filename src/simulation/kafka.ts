import type { EventLog, LogDelivery, LogRecord } from "../pipeline/ports/event-log.ts";
import { type Nature, network, pause } from "./faults.ts";
import { createOutages, type Outages, unwatched } from "./outages.ts";
import type { Life } from "./scheduler.ts";

type Reader = {
  readonly topic: string;
  /** Group and topic in one. */
  readonly place: string;
  readonly window: number;
  readonly life: Life;
  readonly handler: (delivery: LogDelivery) => Promise<void>;
};
/** A record in flight. */
type Flight = { readonly life: Life; readonly key: string; isDone: boolean };
/** A group's state for a topic: the committed offset, and the deliveries from there on. */
type Place = { committed: number; readonly flights: Map<number, Flight> };

export function createKafka(nature: Nature) {
  const topics = new Map<string, LogRecord[]>();
  /** Survives every process. */
  const places = new Map<string, Place>();
  let readers: Reader[] = [];
  const appended: LogRecord[] = [];
  const fault = () => nature.ledger.note("transport");
  const outages = createOutages(nature, () => {
    for (const { flights } of places.values()) flights.clear();
  });

  const append = (record: LogRecord) => {
    outages.requireUp();
    const records = topics.get(record.topic) ?? [];
    const copies = nature.random() < nature.weather().duplicate ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) records.push(record);
    appended.push(record);
    return { partition: 0, offset: records.length - 1 };
  };
  return {
    appended,
    connect: (life: Life): EventLog => ({
      ...unwatched,
      async createTopic({ name }) {
        await pause(nature, life);
        outages.requireUp();
        if (!topics.has(name)) topics.set(name, []);
      },
      append: (record) => network(nature, life, { effect: () => append(record), fault }),
      async subscribe({ group, topics: names, window }, handler) {
        await pause(nature, life);
        outages.requireUp();
        for (const topic of names)
          readers.push({ topic, place: `${group}/${topic}`, window, life, handler });
        return {
          status: () => ({ isMember: !outages.isLost(), partitions: [] }),
          close: async () => undefined,
        };
      },
      read: unused,
      groupLags: unused,
    }),
    put(record: LogRecord): boolean {
      const records = topics.get(record.topic);
      if (records === undefined || outages.isLost()) return false;
      records.push(record);
      return true;
    },
    turn() {
      outages.maybe();
      if (outages.isLost()) return;
      readers = readers.filter(({ life }) => life.alive);
      for (const place of places.values()) dropDead(place);
      for (const reader of readers) {
        const place = places.get(reader.place) ?? { committed: 0, flights: new Map() };
        places.set(reader.place, place);
        const records = topics.get(reader.topic) ?? [];
        for (const ready of readyIn(place, records, reader.window))
          deliver(ready, { place, reader }, { nature, outages });
      }
    },
    wipe() {
      for (const records of topics.values()) records.length = 0;
      places.clear();
    },
  };
}

/** Nothing that is simulated reads without a group. */
async function unused(): Promise<never> {
  throw new Error("the simulated log is only read by groups");
}

function deliver(
  { offset, record }: Ready,
  { place, reader }: { place: Place; reader: Reader },
  { nature, outages }: { nature: Nature; outages: Outages },
): void {
  const requireConnection = outages.hold();
  const flight: Flight = { life: reader.life, key: keyOf(record), isDone: false };
  place.flights.set(offset, flight);
  const isCurrent = () => place.flights.get(offset) === flight;
  const delivery: LogDelivery = {
    ...record,
    partition: 0,
    offset,
    async commit() {
      await pause(nature, reader.life);
      requireConnection();
      if (!isCurrent()) return;
      if (nature.random() < nature.weather().loseAnswer) {
        nature.ledger.note("transport");
        place.flights.delete(offset);
      } else flight.isDone = true;
      moveOn(place);
    },
    async retry(delayMs) {
      requireConnection();
      void nature.scheduler.after(reader.life, delayMs).then(() => {
        if (isCurrent() && !flight.isDone) place.flights.delete(offset);
      });
    },
  };
  reader.handler(delivery).catch(() => undefined); // as for queues
}

type Ready = { readonly offset: number; readonly record: LogRecord };

/** What can be delivered now: within the window, and first of its key. */
function readyIn(
  { committed, flights }: Place,
  records: readonly LogRecord[],
  window: number,
): readonly Ready[] {
  const ready: Ready[] = [];
  const busy = new Set<string>();
  for (const [index, record] of records.slice(committed, committed + window).entries()) {
    const offset = committed + index;
    const flight = flights.get(offset);
    const key = keyOf(record);
    if (flight === undefined && !busy.has(key)) ready.push({ offset, record });
    if (flight?.isDone !== true) busy.add(key);
  }
  return ready;
}

function dropDead({ flights }: Place): void {
  for (const [offset, { isDone, life }] of flights)
    if (!life.alive && !isDone) flights.delete(offset);
}

function moveOn(place: Place): void {
  while (place.flights.get(place.committed)?.isDone === true) {
    place.flights.delete(place.committed);
    place.committed += 1;
  }
}

function keyOf({ key }: LogRecord): string {
  return key === null ? "" : new TextDecoder().decode(key);
}
