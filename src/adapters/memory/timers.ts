import type { Timer } from "../../pipeline/message.ts";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type { Timers } from "../../pipeline/ports/timers.ts";
import type { Subscription } from "../../pipeline/ports/transport.ts";
import { type OnHandlerError, redeliveryDelayMs, warnOfHandlerError } from "./handler-failure.ts";
import { createSchedule, type Scheduled } from "./schedule.ts";

export type MemoryTimersOptions = {
  /** Hears of every handler that rejects; without it the process prints a warning. */
  readonly onError?: OnHandlerError;
};

type Handler = (timer: Timer) => Promise<void>;
type Consumer = { readonly handler: Handler; readonly running: Set<Promise<void>> };
type Owner = { consumers: readonly Consumer[]; readonly due: Map<string, Timer> };

/**
 * Timers of this process, with one sleep of the clock for all of them.
 *
 * 1. A timer waits once, however often it is scheduled: its message id names it.
 * 2. A due timer whose owner has no consumer is kept until it has one.
 * 3. One whose handler rejects comes again; a cancelled flow ends that too.
 *
 * A waiting timer keeps the process alive, as its flow is not over; `close` forgets them all.
 */
export function createMemoryTimers(
  clock: Clock,
  options: MemoryTimersOptions = {},
): Timers & { close(): void } {
  const onError = options.onError ?? warnOfHandlerError;
  const owners = new Map<string, Owner>();
  /** Of each flow, also those that are due and not yet with a handler. Most flows have one, without a list. */
  const flows = new Map<string, Scheduled<Timer> | readonly Scheduled<Timer>[]>();
  const schedule = createSchedule<Timer>(clock, (timer) => {
    const owner = ownerOf(timer.owner);
    owner.due.set(timer.message.id, timer);
    deliver(owner);
  });

  const waitingOf = (flowId: string): readonly Scheduled<Timer>[] => {
    const waiting = flows.get(flowId) ?? [];
    return "isWaiting" in waiting ? [waiting] : waiting;
  };
  const keep = (flowId: string, waiting: readonly Scheduled<Timer>[]) => {
    const [only, ...others] = waiting;
    if (only === undefined) flows.delete(flowId);
    else flows.set(flowId, others.length === 0 ? only : waiting);
  };
  const ownerOf = (name: string): Owner => {
    const owner = owners.get(name) ?? { consumers: [], due: new Map() };
    owners.set(name, owner);
    return owner;
  };
  const forget = ({ message: { id, flowId } }: Timer) => {
    keep(
      flowId,
      waitingOf(flowId).filter(({ value }) => value?.message.id !== id),
    );
  };
  const scheduleAt = (timer: Timer, dueAtMs: number) => {
    const { id, flowId } = timer.message;
    const waiting = waitingOf(flowId);
    if (waiting.some(({ value }) => value?.message.id === id)) return;
    keep(flowId, waiting.concat(schedule.at(dueAtMs, timer)));
  };
  const run = async (consumer: Consumer, timer: Timer) => {
    try {
      await consumer.handler(timer);
    } catch (error) {
      onError(error, `timer ${timer.message.name} of ${timer.owner}`);
      scheduleAt(timer, clock.nowMs() + redeliveryDelayMs);
    }
  };
  const deliver = (owner: Owner) => {
    for (const [id, timer] of owner.due) {
      const [consumer, ...others] = owner.consumers;
      if (consumer === undefined) return;
      owner.consumers = [...others, consumer];
      owner.due.delete(id);
      forget(timer);
      const running = run(consumer, timer).then(() => void consumer.running.delete(running));
      consumer.running.add(running);
    }
  };
  return {
    schedule: (timer) => scheduleAt(timer, timer.dueAtMs),
    cancelFlow(flowId) {
      for (const one of waitingOf(flowId)) {
        if (one.value !== null) owners.get(one.value.owner)?.due.delete(one.value.message.id);
        schedule.cancel(one);
      }
      flows.delete(flowId);
    },
    consume(name, handler) {
      const owner = ownerOf(name);
      const consumer: Consumer = { handler, running: new Set() };
      owner.consumers = [...owner.consumers, consumer];
      queueMicrotask(() => deliver(owner));
      return createSubscription(owner, consumer);
    },
    close() {
      schedule.close();
      flows.clear();
      owners.clear();
    },
  };
}

function createSubscription(owner: Owner, consumer: Consumer): Subscription {
  return {
    async close() {
      owner.consumers = owner.consumers.filter((one) => one !== consumer);
      await Promise.all(consumer.running);
    },
  };
}
