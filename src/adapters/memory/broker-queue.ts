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
  /** Marks a delivery; the mark throws once the connection it came over is gone. */
  readonly hold: () => () => void;
  readonly unacknowledged: Set<Stored>;
  readonly running: Set<Promise<void>>;
};

export type Queue = {
  put(publication: Publication): void;
  attach(consumer: Consumer): void;
  /** Starts no new deliveries; the consumer may still settle those it has. */
  stop(consumer: Consumer): void;
  /** Returns what the consumer has not settled to the head of the queue. */
  detach(consumer: Consumer): void;
};

export type QueueOptions = {
  readonly name: string;
  readonly nowMs: () => number;
  readonly later: (delayMs: number, action: () => void) => void;
  /** How long a message is kept; infinite if there is no TTL. */
  readonly ttlMs: number;
  /** Receives messages that were rejected without requeue, and expired ones. */
  readonly onDead: (publication: Publication) => void;
  /** Its last consumer has stopped. */
  readonly onUnused: () => void;
  /** Reports a handler that rejected, and returns the delay before its message is redelivered. */
  readonly onError: (error: unknown) => number;
};

/**
 * 1. A message is in one place: ready, held by one consumer, or gone. One that waits for its delay is held: it
 *    counts towards prefetch, since the broker itself knows no delay.
 * 2. Returned messages go before everything that was never delivered, in their original order.
 * 3. A delivery is settled once; settling it again, or after its consumer closed, changes nothing. Settling it over
 *    a connection that is gone throws.
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
  // Not inside publish or ack: their callers have not continued yet.
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

/** What can be delivered now: returned messages first, then those never delivered. */
function createReady({ later, nowMs, onDead, ttlMs }: QueueOptions) {
  const fresh = createFifo<Stored>();
  const returned = createHeap<Stored>((a, b) => a.order < b.order);
  let order = 0;

  // Both in order of arrival, so the head expires first.
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
    take: () => returned.pop() ?? (fresh.shift() as Stored), // called when one of them has a message
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
    // Meanwhile the consumer may have closed, or lost its connection: then the message was already returned.
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
    /** For a handler that rejected; the lost connection may have no listener. */
    rejected: (delayMs: number) => {
      if (consumer.unacknowledged.has(stored)) requeue(delayMs);
    },
  };
}
