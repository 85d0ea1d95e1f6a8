import type { Publication, QueueDelivery } from "../../pipeline/ports/broker.ts";
import { createFifo } from "./fifo.ts";
import { createHeap } from "./heap.ts";

type Stored = {
  readonly publication: Publication;
  readonly order: number;
  readonly redelivered: boolean;
  /** When the message expires; infinite if the queue sets no TTL. */
  readonly expiresAtMs: number;
};

/** A consumer of a queue, over one connection. */
export type Consumer = {
  readonly prefetch: number;
  readonly handler: (delivery: QueueDelivery) => Promise<void>;
  /** Marks what is delivered now; the mark throws once the connection it came over is gone. */
  readonly hold: () => () => void;
  readonly unacknowledged: Set<Stored>;
  readonly running: Set<Promise<void>>;
};

export type Queue = {
  put(publication: Publication): void;
  attach(consumer: Consumer): void;
  /** Takes no more; what the consumer has it may still settle. */
  stop(consumer: Consumer): void;
  /** Returns what the consumer has not settled to the head of the queue. */
  detach(consumer: Consumer): void;
};

export type QueueOptions = {
  readonly name: string;
  readonly nowMs: () => number;
  readonly later: (delayMs: number, action: () => void) => void;
  /** How long a message is wanted; infinite for ever. */
  readonly ttlMs: number;
  /** Takes what was rejected without requeue, and what expired. */
  readonly onDead: (publication: Publication) => void;
  /** The last of its consumers has stopped. */
  readonly onUnused: () => void;
  /** Reports a handler that rejected and says how long its message waits. */
  readonly onError: (error: unknown) => number;
};

/**
 * 1. A message is in one place: ready, held by one consumer, or gone. One that waits for its delay is
 *    held: it uses up prefetch, as it must where the broker knows no delay.
 * 2. What comes back goes before everything that was never delivered, in its first order.
 * 3. A delivery is settled once; settling it again, or after its consumer closed, changes nothing.
 *    Settling it over a connection that is gone throws.
 * 4. Consumers with room take turns.
 */
export function createQueue(options: QueueOptions): Queue {
  const ready = createReady(options);
  let consumers: readonly Consumer[] = [];
  let isDispatching = false;

  const deliver = async (consumer: Consumer, stored: Stored) => {
    const settle = settlementOf(consumer, stored, {
      ...options,
      giveBack: ready.giveBack,
      dispatch,
    });
    try {
      await consumer.handler({
        ...stored.publication,
        queue: options.name,
        redelivered: stored.redelivered,
        ack: async () => settle.ack(),
        nack: async ({ requeue, delayMs = 0 }) =>
          requeue ? settle.requeue(delayMs) : settle.refuse(),
      });
    } catch (error) {
      settle.rejected(options.onError(error));
    }
  };
  const nextConsumer = (): Consumer | undefined => {
    const consumer = consumers.find((one) => one.unacknowledged.size < one.prefetch);
    if (consumer !== undefined)
      consumers = [...consumers.filter((one) => one !== consumer), consumer];
    return consumer;
  };
  const dispatchNow = () => {
    isDispatching = false;
    while (ready.hasSome()) {
      const consumer = nextConsumer();
      if (consumer === undefined) return;
      const stored = ready.take();
      consumer.unacknowledged.add(stored);
      const running = deliver(consumer, stored).then(() => void consumer.running.delete(running));
      consumer.running.add(running);
    }
  };
  // Not within publish or ack: their callers have not gone on yet.
  function dispatch() {
    if (isDispatching) return;
    isDispatching = true;
    queueMicrotask(dispatchNow);
  }
  const stop = (consumer: Consumer) => {
    if (!consumers.includes(consumer)) return;
    consumers = consumers.filter((one) => one !== consumer);
    if (consumers.length === 0) options.onUnused();
  };
  return {
    put(publication) {
      ready.put(publication);
      dispatch();
    },
    attach(consumer) {
      consumers = [consumer, ...consumers];
      dispatch();
    },
    stop,
    detach(consumer) {
      stop(consumer);
      for (const stored of consumer.unacknowledged) ready.giveBack(stored);
      consumer.unacknowledged.clear();
      dispatch();
    },
  };
}

/** What can be delivered now: first what came back, then what was never delivered. */
function createReady({ later, nowMs, onDead, ttlMs }: QueueOptions) {
  const fresh = createFifo<Stored>();
  const returned = createHeap<Stored>((a, b) => a.order < b.order);
  let order = 0;

  // Both in the order of their arrival, so the head is what expires first.
  const dropExpired = () => {
    const now = nowMs();
    for (const line of [returned, { peek: fresh.peek, pop: fresh.shift }]) {
      for (let head = line.peek(); head !== undefined && head.expiresAtMs <= now; ) {
        line.pop();
        onDead(head.publication);
        head = line.peek();
      }
    }
  };
  const watch = (stored: Stored) => {
    if (stored.expiresAtMs !== Number.POSITIVE_INFINITY)
      later(Math.max(0, stored.expiresAtMs - nowMs()), dropExpired);
  };
  return {
    put(publication: Publication) {
      const stored = {
        publication,
        order: order++,
        redelivered: false,
        expiresAtMs: nowMs() + ttlMs,
      };
      fresh.push(stored);
      watch(stored);
    },
    giveBack(stored: Stored) {
      returned.push({ ...stored, redelivered: true });
      watch(stored);
    },
    hasSome() {
      dropExpired();
      return returned.size() + fresh.size() > 0;
    },
    take: () => returned.pop() ?? (fresh.shift() as Stored), // called when one of them has something
  };
}

type SettlementPorts = Pick<QueueOptions, "later" | "onDead"> & {
  readonly giveBack: (stored: Stored) => void;
  readonly dispatch: () => void;
};

function settlementOf(
  consumer: Consumer,
  stored: Stored,
  { dispatch, giveBack, later, onDead }: SettlementPorts,
) {
  const requireConnection = consumer.hold();
  let isSettled = false;
  const begin = (): boolean => {
    requireConnection();
    const isFirst = !isSettled && consumer.unacknowledged.has(stored);
    isSettled = true;
    return isFirst;
  };
  const end = (then: (stored: Stored) => void) => {
    // Meanwhile the consumer may have closed, or its connection gone: then it was given back before.
    if (!consumer.unacknowledged.delete(stored)) return;
    then(stored);
    dispatch();
  };
  const requeue = (delayMs: number) => {
    if (!begin()) return;
    if (delayMs > 0) later(delayMs, () => end(giveBack));
    else end(giveBack);
  };
  return {
    requeue,
    ack: () => {
      if (begin()) end(() => undefined);
    },
    refuse: () => {
      if (begin()) end(({ publication }) => onDead(publication));
    },
    /** For a handler that rejected; there may be no listener for the lost connection. */
    rejected: (delayMs: number) => {
      if (consumer.unacknowledged.has(stored)) requeue(delayMs);
    },
  };
}
