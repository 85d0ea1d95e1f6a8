import { TuError } from "../../pipeline/errors.ts";
import type {
  BindingDeclaration,
  Broker,
  Clock,
  ExchangeDeclaration,
  Publication,
} from "../../pipeline/ports.ts";
import { createQueue, type Queue } from "./broker-queue.ts";
import { createSystemClock } from "./clock.ts";
import { type OnHandlerError, redeliveryDelayMs, warnOfHandlerError } from "./handler-failure.ts";
import { createSchedule } from "./schedule.ts";

export type MemoryBrokerOptions = {
  readonly clock?: Clock;
  /** Hears of every handler that rejects; without it the process prints a warning. */
  readonly onError?: OnHandlerError;
};

type Exchange = {
  readonly type: ExchangeDeclaration["type"];
  readonly bindings: { readonly queue: string; readonly routingKey: string }[];
};

/**
 * Exchanges, bindings and queues, like RabbitMQ, in memory. The exchange with the empty name leads
 * to the queue that the routing key names (AMQP 0-9-1, 3.1.3.1).
 *
 * `close` forgets the delayed requeues; it does not wait for consumers.
 */
export function createMemoryBroker(options: MemoryBrokerOptions = {}): Broker & { close(): void } {
  const clock = options.clock ?? createSystemClock();
  const onError = options.onError ?? warnOfHandlerError;
  const schedule = createSchedule<() => void>(clock, (action) => action());
  const exchanges = new Map<string, Exchange>();
  const queues = new Map<string, Queue>();

  const openQueue = (name: string) => {
    if (queues.has(name)) return;
    const queue = createQueue({
      name,
      later: (delayMs, action) => void schedule.at(clock.nowMs() + delayMs, action),
      onError: (error) => {
        onError(error, `consumer of ${name}`);
        return redeliveryDelayMs;
      },
    });
    queues.set(name, queue);
  };
  const route = ({ exchange, routingKey }: Publication): readonly Queue[] => {
    if (exchange === "") return present([queues.get(routingKey)]);
    const { type, bindings } = exchangeOf(exchanges, exchange);
    const names = bindings.filter((one) => matches[type](one.routingKey, routingKey));
    return present([...new Set(names.map((one) => one.queue))].map((name) => queues.get(name)));
  };
  return {
    async declare(topology) {
      for (const one of topology.exchanges) declareExchange(exchanges, one);
      for (const name of topology.queues) openQueue(name);
      for (const one of topology.bindings) bind(exchanges, queues, one);
    },
    async publish(publication) {
      const reached = route(publication);
      // The caller may use its buffer again.
      const kept = { ...publication, body: new Uint8Array(publication.body) };
      for (const queue of reached) queue.put(kept);
      return { routed: reached.length > 0 };
    },
    async consume({ queue: name, prefetch }, handler) {
      if (!Number.isInteger(prefetch) || prefetch < 1)
        throw new TuError("E_USAGE", `prefetch of ${name} must be at least 1`);
      const queue = queues.get(name);
      if (queue !== undefined) return queue.consume(prefetch, handler);
      throw new TuError("E_UNROUTABLE", `there is no queue ${name}`, {
        hint: "declare the topology before consuming from it",
      });
    },
    close: () => schedule.close(),
  };
}

const present = (found: readonly (Queue | undefined)[]) =>
  found.filter((queue) => queue !== undefined);

function exchangeOf(exchanges: ReadonlyMap<string, Exchange>, name: string): Exchange {
  const exchange = exchanges.get(name);
  if (exchange !== undefined) return exchange;
  throw new TuError("E_UNROUTABLE", `there is no exchange ${name}`, {
    hint: "declare the topology before publishing to it",
  });
}

function declareExchange(exchanges: Map<string, Exchange>, { name, type }: ExchangeDeclaration) {
  const existing = exchanges.get(name);
  if (existing === undefined) exchanges.set(name, { type, bindings: [] });
  else if (existing.type !== type)
    throw new TuError("E_USAGE", `exchange ${name} exists as ${existing.type}, not as ${type}`, {
      hint: "an exchange keeps the type it was first declared with",
    });
}

function bind(
  exchanges: ReadonlyMap<string, Exchange>,
  queues: ReadonlyMap<string, Queue>,
  { exchange: name, queue, routingKey }: BindingDeclaration,
) {
  const { bindings } = exchangeOf(exchanges, name);
  if (!queues.has(queue)) throw new TuError("E_UNROUTABLE", `there is no queue ${queue} to bind`);
  const isBound = bindings.some((one) => one.queue === queue && one.routingKey === routingKey);
  if (!isBound) bindings.push({ queue, routingKey });
}

const matches: Record<ExchangeDeclaration["type"], (pattern: string, key: string) => boolean> = {
  fanout: () => true,
  direct: (pattern, key) => pattern === key,
  topic: (pattern, key) => matchesWords(pattern.split("."), key.split(".")),
};

/** `*` stands for one word, `#` for any number of them. */
function matchesWords(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return words.length === 0;
  if (first === "#")
    return matchesWords(rest, words) || (words.length > 0 && matchesWords(pattern, words.slice(1)));
  return (
    (first === "*" ? words.length > 0 : first === words[0]) && matchesWords(rest, words.slice(1))
  );
}
