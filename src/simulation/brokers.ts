import type {
  Broker,
  EventLog,
  LogDelivery,
  LogRecord,
  Publication,
  QueueDelivery,
  Subscription,
} from "../pipeline/ports.ts";
import { type Nature, network, pause } from "./faults.ts";
import type { Life } from "./scheduler.ts";

// Brokers that behave as badly as real ones may: they keep what they took, and deliver it at least
// once, in almost any order. Each process gets its own connection; a crash closes it.

type Stored = { readonly publication: Publication; redelivered: boolean; inFlight: boolean };
type Queue = {
  readonly name: string;
  readonly messages: Stored[];
  readonly consumers: QueueConsumer[];
};
type QueueConsumer = {
  readonly life: Life;
  readonly prefetch: number;
  readonly held: Set<Stored>;
  readonly handler: (delivery: QueueDelivery) => Promise<void>;
};

export type SimulatedBrokers = {
  /** Everything that was ever taken, in order. */
  readonly taken: readonly Publication[];
  readonly appended: readonly LogRecord[];
  connect(life: Life): { readonly broker: Broker; readonly log: EventLog };
  /** Gives back what dead processes held, and delivers what can be delivered. */
  turn(): void;
  /** An embedded broker dies with its process. */
  wipe(): void;
};

export function createSimulatedBrokers(nature: Nature): SimulatedBrokers {
  const rabbit = createRabbit(nature);
  const kafka = createKafka(nature);
  return {
    taken: rabbit.taken,
    appended: kafka.appended,
    connect: (life) => ({ broker: rabbit.connect(life), log: kafka.connect(life) }),
    turn() {
      rabbit.turn();
      kafka.turn();
    },
    wipe() {
      rabbit.wipe();
      kafka.wipe();
    },
  };
}

function createRabbit(nature: Nature) {
  const queues = new Map<string, Queue>();
  const bindings: { exchange: string; queue: string; routingKey: string; isDirect: boolean }[] = [];
  const taken: Publication[] = [];
  const chance = (probability: number) => nature.random() < probability;

  const route = (publication: Publication): boolean => {
    const targets = bindings.filter(
      ({ exchange, isDirect, routingKey }) =>
        exchange === publication.exchange && (!isDirect || routingKey === publication.routingKey),
    );
    taken.push(publication);
    for (const { queue } of targets) {
      const copies = chance(nature.weather().duplicate) ? 2 : 1;
      for (let copy = 0; copy < copies; copy += 1) {
        queues.get(queue)?.messages.push({ publication, redelivered: copy > 0, inFlight: false });
      }
    }
    return targets.length > 0;
  };
  const remove = (queue: Queue, stored: Stored) => {
    const index = queue.messages.indexOf(stored);
    if (index >= 0) queue.messages.splice(index, 1);
  };
  const deliver = (queue: Queue, consumer: QueueConsumer, stored: Stored) => {
    const release = () => {
      consumer.held.delete(stored);
      stored.inFlight = false;
      stored.redelivered = true;
    };
    stored.inFlight = true;
    consumer.held.add(stored);
    void consumer.handler({
      ...stored.publication,
      queue: queue.name,
      redelivered: stored.redelivered,
      async ack() {
        await pause(nature, consumer.life);
        // A lost ack: the broker delivers again what was worked off already.
        if (chance(nature.weather().loseAnswer)) return release();
        consumer.held.delete(stored);
        remove(queue, stored);
      },
      async nack({ delayMs = 0 }) {
        await nature.scheduler.after(consumer.life, delayMs);
        release();
      },
    });
  };
  return {
    taken,
    connect: (life: Life): Broker => ({
      async declare(topology) {
        await pause(nature, life);
        for (const name of topology.queues) {
          if (!queues.has(name)) queues.set(name, { name, messages: [], consumers: [] });
        }
        const direct = new Set(
          topology.exchanges.filter(({ type }) => type === "direct").map(({ name }) => name),
        );
        if (bindings.length > 0) return;
        for (const binding of topology.bindings) {
          bindings.push({ ...binding, isDirect: direct.has(binding.exchange) });
        }
      },
      publish: (publication) => network(nature, life, () => ({ routed: route(publication) })),
      async consume({ prefetch, queue: name }, handler): Promise<Subscription> {
        await pause(nature, life);
        queues.get(name)?.consumers.push({ life, prefetch, held: new Set(), handler });
        return { close: async () => undefined };
      },
    }),
    turn() {
      for (const queue of queues.values()) {
        dropDead(queue);
        const ready = queue.messages.filter(({ inFlight }) => !inFlight);
        for (const stored of ready) {
          const free = queue.consumers.filter(({ held, prefetch }) => held.size < prefetch);
          const consumer = free[Math.floor(nature.random() * free.length)];
          if (consumer === undefined) break;
          // A later message overtakes this one.
          if (nature.weather().reorder && chance(0.3)) continue;
          deliver(queue, consumer, stored);
        }
      }
    },
    wipe() {
      for (const queue of queues.values()) queue.messages.length = 0;
    },
  };
}

function dropDead(queue: Queue): void {
  if (queue.consumers.every(({ life }) => life.alive)) return;
  for (const consumer of queue.consumers.filter(({ life }) => !life.alive)) {
    for (const stored of consumer.held) {
      stored.inFlight = false;
      stored.redelivered = true;
    }
    queue.consumers.splice(queue.consumers.indexOf(consumer), 1);
  }
}

type Reader = {
  readonly topic: string;
  /** The group and the topic, as one. */
  readonly place: string;
  readonly life: Life;
  readonly handler: (delivery: LogDelivery) => Promise<void>;
};

function createKafka(nature: Nature) {
  const topics = new Map<string, LogRecord[]>();
  /** Committed offset per group and topic; survives every process. */
  const committed = new Map<string, number>();
  /** The record a group's live reader is at. */
  const busy = new Map<string, Life>();
  let readers: Reader[] = [];
  const appended: LogRecord[] = [];

  const deliver = (reader: Reader, records: readonly LogRecord[], offset: number) => {
    const { place } = reader;
    const record = records[offset];
    if (record === undefined) return;
    busy.set(place, reader.life);
    void reader.handler({
      ...record,
      partition: 0,
      offset,
      async commit() {
        await pause(nature, reader.life);
        const isLost = nature.random() < nature.weather().loseAnswer;
        if (!isLost) committed.set(place, Math.max(committed.get(place) ?? 0, offset + 1));
        busy.delete(place);
      },
      async retry(delayMs) {
        await nature.scheduler.after(reader.life, delayMs);
        busy.delete(place);
      },
    });
  };
  return {
    appended,
    connect: (life: Life): EventLog => ({
      async createTopic({ name }) {
        await pause(nature, life);
        if (!topics.has(name)) topics.set(name, []);
      },
      append: (record) =>
        network(nature, life, () => {
          const records = topics.get(record.topic) ?? [];
          const copies = nature.random() < nature.weather().duplicate ? 2 : 1;
          for (let copy = 0; copy < copies; copy += 1) records.push(record);
          appended.push(record);
          return { partition: 0, offset: records.length - 1 };
        }),
      async subscribe({ group, topics: names }, handler): Promise<Subscription> {
        await pause(nature, life);
        for (const topic of names)
          readers.push({ topic, place: `${group}/${topic}`, life, handler });
        return { close: async () => undefined };
      },
    }),
    turn() {
      if (!readers.every(({ life }) => life.alive)) {
        readers = readers.filter(({ life }) => life.alive);
      }
      for (const [place, life] of busy) if (!life.alive) busy.delete(place);
      for (const reader of readers) {
        if (busy.has(reader.place)) continue;
        deliver(reader, topics.get(reader.topic) ?? [], committed.get(reader.place) ?? 0);
      }
    },
    wipe() {
      for (const records of topics.values()) records.length = 0;
      committed.clear();
      busy.clear();
    },
  };
}
