import type { Broker, Publication, QueueDelivery } from "../pipeline/ports/broker.ts";
import { type Nature, network, pause } from "./faults.ts";
import { createOutages, type Outages, unwatched } from "./outages.ts";
import type { Life } from "./scheduler.ts";

type Stored = {
  readonly publication: Publication;
  redelivered: boolean;
  inFlight: boolean;
  wasDelivered: boolean;
  /** The original of a duplicate, which is delivered only after the original was. */
  readonly follows?: Stored;
};
const waiting = { redelivered: false, inFlight: false, wasDelivered: false };
type Queue = {
  readonly name: string;
  /** The connection that an exclusive queue belongs to, and is deleted with; null for a shared queue. */
  readonly owner: Life | null;
  readonly messages: Stored[];
  readonly consumers: QueueConsumer[];
};
type QueueConsumer = {
  readonly life: Life;
  readonly prefetch: number;
  readonly held: Set<Stored>;
  readonly handler: (delivery: QueueDelivery) => Promise<void>;
};

export function createRabbit(nature: Nature) {
  const queues = new Map<string, Queue>();
  let bindings: readonly Bound[] = [];
  const taken: Publication[] = [];
  const chance = (probability: number) => nature.random() < probability;
  const fault = () => nature.ledger.note("transport");
  const outages = createOutages(nature, () => {
    for (const { consumers } of queues.values())
      for (const consumer of consumers)
        for (const stored of consumer.held) release(consumer, stored);
  });

  const route = (publication: Publication): boolean => {
    outages.requireUp();
    const targets = bindings.filter(
      ({ exchange, isDirect, routingKey }) =>
        exchange === publication.exchange && (!isDirect || routingKey === publication.routingKey),
    );
    taken.push(publication);
    for (const { queue } of targets) {
      const first: Stored = { publication, ...waiting };
      queues.get(queue)?.messages.push(first);
      const again: Stored = { publication, ...waiting, redelivered: true, follows: first };
      if (chance(nature.weather().duplicate)) queues.get(queue)?.messages.push(again);
    }
    return targets.length > 0;
  };
  const declare = (topology: Parameters<Broker["declare"]>[0], life: Life) => {
    outages.requireUp();
    for (const { exclusive, name } of topology.queues) {
      const owner = exclusive === true ? life : null;
      if (!queues.has(name)) queues.set(name, { name, owner, messages: [], consumers: [] });
    }
    const direct = new Set(
      topology.exchanges.filter(({ type }) => type === "direct").map(({ name }) => name),
    );
    for (const binding of topology.bindings) {
      const isBound = bindings.some((bound) => isSame(bound, binding));
      if (!isBound)
        bindings = [...bindings, { ...binding, isDirect: direct.has(binding.exchange) }];
    }
  };
  return {
    taken,
    connect: (life: Life): Broker => ({
      ...unwatched,
      async declare(topology) {
        await pause(nature, life);
        declare(topology, life);
      },
      async check({ queues: expected }) {
        await pause(nature, life);
        outages.requireUp();
        return { missing: expected.map(({ name }) => name).filter((name) => !queues.has(name)) };
      },
      publish: (publication) =>
        network(nature, life, { effect: () => ({ routed: route(publication) }), fault }),
      async consume({ prefetch, queue: name }, handler) {
        await pause(nature, life);
        outages.requireUp();
        queues.get(name)?.consumers.push({ life, prefetch, held: new Set(), handler });
        return { close: async () => undefined };
      },
    }),
    put(name: string, publication: Publication): boolean {
      const queue = queues.get(name);
      if (queue === undefined || outages.isLost()) return false;
      queue.messages.push({ publication, ...waiting });
      return true;
    },
    turn() {
      outages.maybe();
      if (outages.isLost()) return;
      for (const queue of queues.values()) {
        dropDead(queue);
        if (queue.owner?.alive === false) {
          queues.delete(queue.name);
          bindings = bindings.filter((binding) => binding.queue !== queue.name);
          continue;
        }
        handOut(queue, { nature, outages });
      }
    },
    wipe() {
      for (const queue of queues.values()) queue.messages.length = 0;
    },
  };
}

function handOut(queue: Queue, ports: { nature: Nature; outages: Outages }): void {
  const { random, weather } = ports.nature;
  for (const stored of queue.messages.filter(isFree)) {
    const free = queue.consumers.filter(({ held, prefetch }) => held.size < prefetch);
    const consumer = free[Math.floor(random() * free.length)];
    if (consumer === undefined) return;
    // A later message overtakes this one.
    if (weather().reorder && random() < 0.3) continue;
    deliver(stored, { consumer, queue }, ports);
  }
}

/** No broker redelivers a message while its first delivery is unsettled. */
function isFree({ follows, inFlight }: Stored): boolean {
  return !inFlight && (follows === undefined || (follows.wasDelivered && !follows.inFlight));
}

function deliver(
  stored: Stored,
  { consumer, queue }: { consumer: QueueConsumer; queue: Queue },
  { nature, outages }: { nature: Nature; outages: Outages },
): void {
  const requireConnection = outages.hold();
  stored.inFlight = true;
  stored.wasDelivered = true;
  consumer.held.add(stored);
  const delivery: QueueDelivery = {
    ...stored.publication,
    queue: queue.name,
    redelivered: stored.redelivered,
    async ack() {
      await pause(nature, consumer.life);
      requireConnection();
      // A lost ack: the broker redelivers a message that was already processed.
      if (nature.random() < nature.weather().loseAnswer) {
        nature.ledger.note("transport");
        return release(consumer, stored);
      }
      consumer.held.delete(stored);
      stored.inFlight = false;
      remove(queue, stored);
    },
    async nack({ delayMs = 0 }) {
      requireConnection();
      void nature.scheduler.after(consumer.life, delayMs).then(() => {
        if (isHeldSince(requireConnection)) release(consumer, stored);
      });
    },
  };
  // Rejects if it could not settle: its messages were requeued with the connection.
  consumer.handler(delivery).catch(() => undefined);
}

type Bound = {
  readonly exchange: string;
  readonly queue: string;
  readonly routingKey: string;
  readonly isDirect: boolean;
};

function isSame(bound: Bound, binding: Omit<Bound, "isDirect">): boolean {
  const { exchange, queue, routingKey } = binding;
  return bound.exchange === exchange && bound.queue === queue && bound.routingKey === routingKey;
}

function isHeldSince(requireConnection: () => void): boolean {
  try {
    requireConnection();
    return true;
  } catch {
    return false; // requeued with the connection
  }
}

function release(consumer: QueueConsumer, stored: Stored): void {
  consumer.held.delete(stored);
  stored.inFlight = false;
  stored.redelivered = true;
}

function remove(queue: Queue, stored: Stored): void {
  const index = queue.messages.indexOf(stored);
  if (index >= 0) queue.messages.splice(index, 1);
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
