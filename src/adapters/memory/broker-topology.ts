import { TuError } from "../../pipeline/errors.ts";
import type {
  BindingDeclaration,
  BrokerTopology,
  ExchangeDeclaration,
  Publication,
  QueueDeclaration,
} from "../../pipeline/ports/broker.ts";
import type { Queue } from "./broker-queue.ts";

type Exchange = {
  readonly type: ExchangeDeclaration["type"];
  bindings: readonly BindingDeclaration[];
};
/** `owner` identifies a connection; null if any connection may use it. */
type Kept = { readonly declared: QueueDeclaration; readonly owner: object | null; queue: Queue };

/** What exists on the broker, independent of connections. */
export type StandingTopology = {
  declare(topology: BrokerTopology, owner: object): void;
  /** The names of what is missing. */
  missing(topology: Pick<BrokerTopology, "exchanges" | "queues">, owner: object): readonly string[];
  queue(name: string, owner: object): Queue;
  hasExchange(name: string): boolean;
  /** Throws E_UNROUTABLE if the exchange does not exist. */
  route(publication: Publication): readonly Queue[];
  remove(queueName: string): void;
  /** Removes the exclusive queues of a connection that is gone. */
  removeOwned(owner: object): void;
};

export function createTopology(open: (declared: QueueDeclaration) => Queue): StandingTopology {
  const exchanges = new Map<string, Exchange>();
  const queues = new Map<string, Kept>();

  const declareExchange = ({ name, type }: ExchangeDeclaration) => {
    if (!hasExchange(exchanges, name, type)) exchanges.set(name, { type, bindings: [] });
  };
  const declareQueue = (declared: QueueDeclaration, owner: object) => {
    if (hasQueue(queues, declared, owner)) return;
    const isExclusive = declared.exclusive === true;
    queues.set(declared.name, {
      declared,
      owner: isExclusive ? owner : null,
      queue: open(declared),
    });
  };
  const bind = (binding: BindingDeclaration) => {
    const exchange = exchangeOf(exchanges, binding.exchange);
    if (!queues.has(binding.queue))
      throw new TuError("E_UNROUTABLE", `there is no queue ${binding.queue} to bind`);
    const isBound = exchange.bindings.some(
      ({ queue, routingKey }) => queue === binding.queue && routingKey === binding.routingKey,
    );
    if (!isBound) exchange.bindings = [...exchange.bindings, binding];
  };
  const remove = (name: string) => {
    queues.delete(name);
    for (const exchange of exchanges.values())
      exchange.bindings = exchange.bindings.filter(({ queue }) => queue !== name);
  };
  return {
    declare(topology, owner) {
      for (const one of topology.exchanges) declareExchange(one);
      for (const one of topology.queues) declareQueue(one, owner);
      for (const one of topology.bindings) bind(one);
    },
    missing: (topology, owner) =>
      [
        ...topology.exchanges.filter(({ name, type }) => !hasExchange(exchanges, name, type)),
        ...topology.queues.filter((declared) => !hasQueue(queues, declared, owner)),
      ].map(({ name }) => name),
    queue(name, owner) {
      const kept = queues.get(name);
      if (kept === undefined)
        throw new TuError("E_UNROUTABLE", `there is no queue ${name}`, {
          hint: "declare the topology before consuming from it",
        });
      requireOwner(kept, owner);
      return kept.queue;
    },
    hasExchange: (name) => name === "" || exchanges.has(name),
    route({ exchange, routingKey }) {
      const names =
        exchange === "" ? [routingKey] : namesFor(exchangeOf(exchanges, exchange), routingKey);
      return [...new Set(names)].flatMap((name) => queues.get(name)?.queue ?? []);
    },
    remove,
    removeOwned(owner) {
      for (const [name, kept] of queues) if (kept.owner === owner) remove(name);
    },
  };
}

function namesFor({ bindings, type }: Exchange, routingKey: string): readonly string[] {
  return bindings
    .filter((one) => matches[type](one.routingKey, routingKey))
    .map(({ queue }) => queue);
}

function exchangeOf(exchanges: ReadonlyMap<string, Exchange>, name: string): Exchange {
  const exchange = exchanges.get(name);
  if (exchange !== undefined) return exchange;
  throw new TuError("E_UNROUTABLE", `there is no exchange ${name}`, {
    hint: "declare the topology before publishing to it",
  });
}

function hasExchange(
  exchanges: ReadonlyMap<string, Exchange>,
  name: string,
  type: ExchangeDeclaration["type"],
): boolean {
  const existing = exchanges.get(name);
  if (existing !== undefined && existing.type !== type)
    throw mismatch(`exchange ${name} exists as ${existing.type}, not as ${type}`);
  return existing !== undefined;
}

function hasQueue(
  queues: ReadonlyMap<string, Kept>,
  declared: QueueDeclaration,
  owner: object,
): boolean {
  const existing = queues.get(declared.name);
  if (existing === undefined) return false;
  requireOwner(existing, owner);
  const [before, now] = [propertiesOf(existing.declared), propertiesOf(declared)];
  if (before !== now)
    throw mismatch(`queue ${declared.name} exists with ${before}, not with ${now}`);
  return true;
}

function requireOwner({ declared, owner }: Kept, asking: object): void {
  if (owner !== null && owner !== asking)
    throw mismatch(`queue ${declared.name} is exclusive to another connection`);
}

function propertiesOf(declared: QueueDeclaration): string {
  const { autoDelete = false, durable = true, exclusive = false } = declared;
  const entries = Object.entries(declared.arguments ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify({ durable, exclusive, autoDelete, arguments: Object.fromEntries(entries) });
}

function mismatch(what: string): TuError {
  return new TuError("E_TOPOLOGY_MISMATCH", what, {
    hint: "compare the broker with `tu-analyze topology`; exchanges and queues keep their properties until they are deleted",
  });
}

const matches: Record<ExchangeDeclaration["type"], (pattern: string, key: string) => boolean> = {
  fanout: () => true,
  direct: (pattern, key) => pattern === key,
  topic: (pattern, key) => matchesWords(pattern.split("."), key.split(".")),
};

/** `*` matches one word, `#` any number of words. */
function matchesWords(pattern: readonly string[], words: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return words.length === 0;
  if (first === "#")
    return matchesWords(rest, words) || (words.length > 0 && matchesWords(pattern, words.slice(1)));
  return (
    (first === "*" ? words.length > 0 : first === words[0]) && matchesWords(rest, words.slice(1))
  );
}
