import { setTimeout as wait } from "node:timers/promises";
import { TuError } from "../../pipeline/errors.ts";
import { orAborted } from "../../pipeline/or-aborted.ts";
import type { QueueDelivery } from "../../pipeline/ports/broker.ts";
import type { Subscription } from "../../pipeline/ports/transport.ts";
import type { Connection } from "./connection.ts";
import { type Consumer, type ConsumerDelivery, openConsumer } from "./consumer.ts";
import { isRefusal, toTuError, unavailable } from "./errors.ts";
import type { Link } from "./link.ts";

export type SubscriptionOptions = {
  readonly queue: string;
  readonly prefetch: number;
  readonly handler: (delivery: QueueDelivery) => Promise<void>;
  readonly connection: Connection;
  /** Reports a handler that rejected, and what keeps the queue from being consumed. */
  readonly onError: (error: unknown, where: string) => void;
};

const redeliveryDelayMs = 100;
const firstPauseMs = 100;
const longestPauseMs = 2000;
const rejoinTimeoutMs = 5000;

/**
 * Consumes a queue until it is closed, through any number of consumers.
 *
 * 1. A consumer lives once, on a link. On a fresh link there is another one, and so when the broker cancelled it or
 *    closed its channel: that is reported, and tried until the queue is there. One queue that is missing, or gives no
 *    answer, does not keep the others away.
 * 2. What comes before the connection is told to be back waits, within `prefetch`.
 * 3. While it closes, the consumer remains until the running handlers have ended, so that they can settle.
 */
export function createSubscription(options: SubscriptionOptions) {
  const { connection, handler, onError, prefetch, queue } = options;
  const where = `consumer of ${queue}`;
  const running = new Set<Promise<void>>();
  const closing = new AbortController();
  let consumer: Consumer | null = null;
  let early: ConsumerDelivery[] = [];

  const start = ({ delivery, giveBack }: ConsumerDelivery) => {
    const failed = (error: unknown) => {
      onError(error, where);
      giveBack(redeliveryDelayMs);
    };
    const run = Promise.resolve()
      .then(() => handler(delivery))
      .catch(failed)
      .finally(() => running.delete(run));
    running.add(run);
  };
  const onDelivery = (given: ConsumerDelivery) => {
    if (closing.signal.aborted) return; // it returns to the queue with the channel
    if (connection.isUp()) start(given);
    else early.push(given);
  };
  const open = async (link: Link) => {
    try {
      const onEnd = (reason: Error) => ended(link, reason);
      const opened = await openConsumer(link, { queue, prefetch, onDelivery, onEnd });
      if (closing.signal.aborted) await opened.leave();
      else consumer = opened;
    } catch (error) {
      throw toTuError(error, `consuming ${queue}`);
    }
  };
  const ended = (link: Link, reason: Error) => {
    consumer = null;
    early = [];
    onError(toTuError(reason, where), where);
    void revive(link);
  };
  const revive = async (link: Link) => {
    const signal = AbortSignal.any([closing.signal, link.ended]);
    for (let pauseMs = firstPauseMs; ; pauseMs *= 2) {
      await wait(Math.min(pauseMs, longestPauseMs), null, { signal }).catch(() => null);
      if (signal.aborted || (await isOpened(link))) return;
    }
  };
  const isOpened = (link: Link) =>
    open(link).then(
      () => true,
      () => false,
    );
  const detach = connection.attach({
    lose() {
      consumer = null;
      early = [];
    },
    async rejoin(link) {
      if (closing.signal.aborted) return;
      const opening = open(link).catch((error: unknown) => {
        if (!isRefusal(error)) throw error;
        onError(error, where);
        void revive(link);
      });
      await orAborted(opening, AbortSignal.timeout(rejoinTimeoutMs)).catch((error: unknown) => {
        if (error instanceof TuError) throw error;
        onError(late(queue), where);
        opening.catch(() => void revive(link));
      });
    },
    resume() {
      const waited = early;
      early = [];
      for (const one of waited) onDelivery(one);
    },
  });
  const close = async () => {
    closing.abort(unavailable("closed"));
    await consumer?.stop();
    await Promise.all(running);
    await consumer?.leave();
    detach();
  };
  const subscription: Subscription = { close: onlyOnce(close) };
  return { subscription, open };
}

function late(queue: string): TuError {
  return new TuError("E_SERVICE_UNAVAILABLE", `${queue} gives no answer to its consumer`, {
    hint: "a quorum queue needs a majority of its members",
  });
}

/** Runs once; later callers wait for the same completion. */
export function onlyOnce(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null;
  return async () => {
    done ??= work();
    await done;
  };
}
