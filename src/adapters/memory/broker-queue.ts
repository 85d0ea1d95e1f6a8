import type { Publication, QueueDelivery, Subscription } from "../../pipeline/ports.ts";
import { createFifo } from "./fifo.ts";
import { createHeap } from "./heap.ts";

type Handler = (delivery: QueueDelivery) => Promise<void>;
type Stored = {
  readonly publication: Publication;
  readonly order: number;
  readonly redelivered: boolean;
};
type Consumer = {
  readonly prefetch: number;
  readonly handler: Handler;
  readonly unacknowledged: Set<Stored>;
  readonly running: Set<Promise<void>>;
};

export type Queue = {
  put(publication: Publication): void;
  consume(prefetch: number, handler: Handler): Subscription;
};

/**
 * 1. A message is in one place: ready, held by one consumer, waiting for its delay, or gone.
 * 2. What comes back goes before everything that was never delivered, in its first order.
 * 3. A delivery is settled once; settling it again, or after its consumer closed, changes nothing.
 * 4. Consumers with room take turns.
 */
export function createQueue(options: {
  readonly name: string;
  readonly later: (delayMs: number, action: () => void) => void;
  /** Reports a handler that rejected and says how long its message waits. */
  readonly onError: (error: unknown) => number;
}): Queue {
  const fresh = createFifo<Stored>();
  const returned = createHeap<Stored>((a, b) => a.order < b.order);
  let consumers: readonly Consumer[] = [];
  let order = 0;
  let isDispatching = false;

  const giveBack = (stored: Stored) => returned.push({ ...stored, redelivered: true });
  const requeue = (stored: Stored, delayMs: number) => {
    const back = () => {
      giveBack(stored);
      dispatch();
    };
    if (delayMs > 0) options.later(delayMs, back);
    else back();
  };
  const deliver = async (consumer: Consumer, stored: Stored) => {
    const settle = () => consumer.unacknowledged.delete(stored);
    const nack = (delayMs: number | null) => {
      if (!settle()) return;
      if (delayMs !== null) requeue(stored, delayMs);
      dispatch();
    };
    try {
      await consumer.handler({
        ...stored.publication,
        queue: options.name,
        redelivered: stored.redelivered,
        ack: async () => nack(null),
        nack: async ({ requeue: isKept, delayMs }) => nack(isKept ? (delayMs ?? 0) : null),
      });
    } catch (error) {
      nack(options.onError(error));
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
    while (returned.size() + fresh.size() > 0) {
      const consumer = nextConsumer();
      if (consumer === undefined) return;
      const stored = returned.pop() ?? (fresh.shift() as Stored); // one of them is not empty
      consumer.unacknowledged.add(stored);
      const running = deliver(consumer, stored).then(() => void consumer.running.delete(running));
      consumer.running.add(running);
    }
  };
  // Not within publish or ack: their callers have not gone on yet.
  const dispatch = () => {
    if (isDispatching) return;
    isDispatching = true;
    queueMicrotask(dispatchNow);
  };
  const leave = (consumer: Consumer) => {
    consumers = consumers.filter((one) => one !== consumer);
    return Promise.all(consumer.running).then(() => {
      for (const stored of consumer.unacknowledged) giveBack(stored);
      consumer.unacknowledged.clear();
      dispatch();
    });
  };
  return {
    put(publication) {
      fresh.push({ publication, order: order++, redelivered: false });
      dispatch();
    },
    consume(prefetch, handler) {
      const consumer = {
        prefetch,
        handler,
        unacknowledged: new Set<Stored>(),
        running: new Set<Promise<void>>(),
      };
      consumers = [consumer, ...consumers];
      dispatch();
      let left: Promise<void> | null = null;
      return {
        async close() {
          left ??= leave(consumer);
          await left;
        },
      };
    },
  };
}
