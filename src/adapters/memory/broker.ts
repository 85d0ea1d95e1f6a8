import { TuError } from "../../pipeline/errors.ts";
import type {
  BindingDeclaration,
  Broker,
  BrokerTopology,
  Publication,
  QueueDeclaration,
} from "../../pipeline/ports/broker.ts";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type { Subscription } from "../../pipeline/ports/transport.ts";
import { type Consumer, createQueue, type Queue } from "./broker-queue.ts";
import { createTopology, type StandingTopology } from "./broker-topology.ts";
import { createSystemClock } from "./clock.ts";
import { createConnection, type Outage, onlyOnce } from "./connection.ts";
import { type OnHandlerError, redeliveryDelayMs, warnOfHandlerError } from "./handler-failure.ts";
import { createSchedule } from "./schedule.ts";

export type MemoryBrokerOptions = {
  readonly clock?: Clock;
  /** Called for every handler that rejects; without it the process prints a warning. */
  readonly onError?: OnHandlerError;
};

/** One connection to a broker in memory. */
export type MemoryBroker = Broker &
  Outage & {
    /** Another connection to the same broker. */
    connect(): MemoryBroker;
    /** The broker accepts nothing from this connection until `unblock`. */
    block(): void;
    unblock(): void;
  };

/**
 * Exchanges, bindings and queues, like RabbitMQ, in memory. The default exchange (empty name) routes to the queue
 * named by the routing key (AMQP 0-9-1, 3.1.3.1). Of the queue arguments it implements `x-message-ttl`,
 * `x-dead-letter-exchange` and `x-dead-letter-routing-key`; the others are only compared.
 */
export function createMemoryBroker(options: MemoryBrokerOptions = {}): MemoryBroker {
  return createServer(options).connect();
}

type Server = {
  readonly topology: StandingTopology;
  connect(): MemoryBroker;
  disconnected(): void;
};

function createServer(options: MemoryBrokerOptions): Server {
  const clock = options.clock ?? createSystemClock();
  const onError = options.onError ?? warnOfHandlerError;
  const schedule = createSchedule<() => void>(clock, (action) => action());
  let connections = 0;

  const open = (declared: QueueDeclaration): Queue =>
    createQueue({
      name: declared.name,
      nowMs: clock.nowMs,
      later: (delayMs, action) => void schedule.at(clock.nowMs() + delayMs, action),
      ttlMs: ttlOf(declared),
      onDead: (publication) => putDead(topology, declared, publication),
      onUnused: () => {
        if (declared.autoDelete === true) topology.remove(declared.name);
      },
      onError: (error) => {
        onError(error, `consumer of ${declared.name}`);
        return redeliveryDelayMs;
      },
    });
  const topology = createTopology(open);
  const server: Server = {
    topology,
    connect() {
      connections += 1;
      return connectTo(server);
    },
    disconnected() {
      connections -= 1;
      if (connections === 0) schedule.close();
    },
  };
  return server;
}

function connectTo(server: Server): MemoryBroker {
  const { topology } = server;
  const own = createOwn(topology);
  const connection = createConnection("the broker", { onLost: own.lost, onBack: own.back });
  return {
    onState: connection.onState,
    lose: connection.lose,
    restore: connection.restore,
    block: connection.block,
    unblock: connection.unblock,
    connect: server.connect,
    async declare(declared) {
      connection.requireUp();
      own.declare(declared);
    },
    async check(expected) {
      connection.requireUp();
      return { missing: topology.missing(expected, own) };
    },
    async publish(publication) {
      // The caller may reuse its buffer, even while the broker accepts nothing.
      const kept = { ...publication, body: new Uint8Array(publication.body) };
      await connection.whenTaking();
      return { routed: put(topology, kept) };
    },
    async consume({ queue, prefetch }, handler) {
      connection.requireUp();
      if (!Number.isInteger(prefetch) || prefetch < 1)
        throw new TuError("E_USAGE", `prefetch of ${queue} must be at least 1`);
      return own.consume(queue, {
        prefetch,
        handler,
        hold: connection.hold,
        unacknowledged: new Set(),
        running: new Set(),
      });
    },
    close: onlyOnce(async () => {
      await own.close();
      connection.close();
      server.disconnected();
    }),
  };
}

type Subscribed = {
  readonly name: string;
  /** A different one if the queue was deleted with its connection and declared again. */
  queue: Queue;
  close(): Promise<void>;
};

/** What a connection has on the broker, and restores when it reconnects. */
function createOwn(topology: StandingTopology) {
  const consumers = new Map<Consumer, Subscribed>();
  const queues = new Map<string, QueueDeclaration>();
  const bindings = new Map<string, BindingDeclaration>();

  const leave = async (consumer: Consumer, subscribed: Subscribed) => {
    consumers.delete(consumer);
    subscribed.queue.stop(consumer);
    await Promise.all(consumer.running);
    subscribed.queue.detach(consumer);
    const { name } = subscribed;
    if (![...consumers.values()].some((one) => one.name === name)) forgetAutoDelete(name);
  };
  const forgetAutoDelete = (name: string) => {
    if (queues.get(name)?.autoDelete !== true) return;
    queues.delete(name);
    for (const [key, { queue }] of bindings) if (queue === name) bindings.delete(key);
  };
  const own = {
    declare(declared: BrokerTopology) {
      topology.declare(declared, own);
      for (const queue of declared.queues) if (isTransient(queue)) queues.set(queue.name, queue);
      for (const binding of declared.bindings)
        if (queues.has(binding.queue)) bindings.set(JSON.stringify(binding), binding);
    },
    consume(name: string, consumer: Consumer): Subscription {
      const queue = topology.queue(name, own);
      const subscribed: Subscribed = {
        name,
        queue,
        close: onlyOnce(() => leave(consumer, subscribed)),
      };
      consumers.set(consumer, subscribed);
      queue.attach(consumer);
      return subscribed;
    },
    lost() {
      for (const [consumer, { queue }] of consumers) queue.detach(consumer);
      topology.removeOwned(own);
    },
    back() {
      const gone = { queues: [...queues.values()], bindings: [...bindings.values()] };
      topology.declare({ exchanges: [], ...gone }, own);
      for (const [consumer, subscribed] of consumers) {
        subscribed.queue = topology.queue(subscribed.name, own);
        subscribed.queue.attach(consumer);
      }
    },
    async close() {
      await Promise.all([...consumers.values()].map((one) => one.close()));
      topology.removeOwned(own);
    },
  };
  return own;
}

/** Deleted with a connection, and declared again by the next one. */
function isTransient({ autoDelete, exclusive }: QueueDeclaration): boolean {
  return autoDelete === true || exclusive === true;
}

/** False: there was no queue for it. */
function put(topology: StandingTopology, publication: Publication): boolean {
  const reached = topology.route(publication);
  for (const queue of reached) queue.put(publication);
  return reached.length > 0;
}

/** Without a dead-letter exchange the message is dropped, as in RabbitMQ. */
function putDead(
  topology: StandingTopology,
  { arguments: given }: QueueDeclaration,
  publication: Publication,
): void {
  const exchange = given?.["x-dead-letter-exchange"];
  const routingKey = given?.["x-dead-letter-routing-key"] ?? publication.routingKey;
  if (typeof exchange !== "string" || typeof routingKey !== "string") return;
  if (topology.hasExchange(exchange)) put(topology, { ...publication, exchange, routingKey });
}

function ttlOf({ arguments: given, name }: QueueDeclaration): number {
  const ttlMs = given?.["x-message-ttl"];
  if (ttlMs === undefined) return Number.POSITIVE_INFINITY;
  if (typeof ttlMs === "number" && Number.isInteger(ttlMs) && ttlMs >= 0) return ttlMs;
  throw new TuError("E_USAGE", `x-message-ttl of ${name} must be a number of milliseconds`);
}
