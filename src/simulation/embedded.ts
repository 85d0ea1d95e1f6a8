import { createMemoryBroker } from "../adapters/memory/broker.ts";
import { createMemoryEventLog } from "../adapters/memory/event-log.ts";
import type { Broker, Publication } from "../pipeline/ports/broker.ts";
import type { EventLog, LogRecord } from "../pipeline/ports/event-log.ts";
import { forget, type SimulatedBrokers } from "./brokers.ts";
import { clockOf } from "./clocks.ts";
import { type Nature, network, pause } from "./faults.ts";
import { createOutages, type Outages } from "./outages.ts";
import type { Life } from "./scheduler.ts";

// The shipped brokers, as in a process that runs alone: they belong to it and die with it. Their connections are
// lost now and then, and a call may get lost before or after its effect.

type Own = {
  readonly life: Life;
  readonly broker: Broker;
  readonly log: EventLog;
  readonly places: Set<string>;
  readonly outages: Outages;
};

export function createEmbeddedBrokers(nature: Nature): SimulatedBrokers {
  const taken: Publication[] = [];
  const appended: LogRecord[] = [];
  let own: Own | undefined;
  return {
    taken,
    appended,
    foreign: {
      append: (record) => reachable(own, record.topic, ({ log }) => log.append(record)),
      put: (queue, publication) =>
        reachable(own, queue, ({ broker }) => bindAndPublish(broker, queue, publication)),
    },
    connect(life) {
      own = open(nature, life);
      const { broker, log, places } = own;
      const way = { nature, life, places };
      return {
        broker: brokerOverNetwork(broker, way, taken),
        log: logOverNetwork(log, way, appended),
      };
    },
    turn: () => own?.outages.maybe(),
    wipe: (lost) => forget(taken, lost), // the next process opens its own
  };
}

function open(nature: Nature, life: Life): Own {
  const clock = clockOf(nature, life);
  const onError = () => undefined; // it is redelivered
  const broker = createMemoryBroker({ clock, onError });
  const log = createMemoryEventLog({ clock, onError });
  const lose = () => {
    broker.lose();
    log.lose();
  };
  const restore = () => {
    broker.restore();
    log.restore();
  };
  return { life, broker, log, places: new Set(), outages: createOutages(nature, lose, restore) };
}

type Way = { readonly nature: Nature; readonly life: Life; readonly places: Set<string> };

function brokerOverNetwork(broker: Broker, way: Way, taken: Publication[]): Broker {
  return {
    ...broker,
    async declare(topology) {
      await pause(way.nature, way.life);
      await broker.declare(topology);
      for (const { name } of topology.queues) way.places.add(name);
    },
    publish: (publication) => sent(publication, way, { by: broker.publish, kept: taken }),
    async consume(options, handler) {
      await pause(way.nature, way.life);
      return broker.consume(options, handler);
    },
  };
}

function logOverNetwork(log: EventLog, way: Way, appended: LogRecord[]): EventLog {
  return {
    ...log,
    async createTopic(topic) {
      await pause(way.nature, way.life);
      await log.createTopic(topic);
      way.places.add(topic.name);
    },
    append: (record) => sent(record, way, { by: log.append, kept: appended }),
    async subscribe(options, handler) {
      await pause(way.nature, way.life);
      return log.subscribe(options, handler);
    },
  };
}

/** Whatever is accepted is kept, whether or not the response arrives. */
function sent<T, R>(
  one: T,
  { life, nature }: Way,
  { by, kept }: { readonly by: (one: T) => Promise<R>; readonly kept: T[] },
): Promise<R> {
  const effect = async () => {
    const answer = await by(one);
    kept.push(one);
    return answer;
  };
  return network(nature, life, { effect, fault: () => nature.ledger.note("transport") });
}

/** False if the destination does not exist yet, or no process is connected. */
function reachable(
  own: Own | undefined,
  place: string,
  work: (own: Own) => Promise<unknown>,
): boolean {
  if (own?.life.alive !== true || own.outages.isLost() || !own.places.has(place)) return false;
  void work(own);
  return true;
}

/** Through a separate exchange, to allow any routing key. */
async function bindAndPublish(
  broker: Broker,
  queue: string,
  publication: Publication,
): Promise<void> {
  const exchange = `foreign to ${queue}`;
  await broker.declare({
    exchanges: [{ name: exchange, type: "fanout" }],
    queues: [],
    bindings: [{ exchange, queue, routingKey: "" }],
  });
  await broker.publish({ ...publication, exchange });
}
