import { createMemoryBroker } from "../adapters/memory/broker.ts";
import type { Outage } from "../adapters/memory/connection.ts";
import { createMemoryEventLog } from "../adapters/memory/event-log.ts";
import type { Broker, EventLog, LogRecord, Publication } from "../pipeline/ports.ts";
import type { SimulatedBrokers } from "./brokers.ts";
import { clockOf } from "./clocks.ts";
import { type Nature, network, pause } from "./faults.ts";
import type { Life } from "./scheduler.ts";

// The brokers that are shipped, as a process has them that runs alone: they are its own and die with it. Their
// connections are lost now and then, and what is asked of them may get lost before and behind it.

type Own = {
  readonly life: Life;
  readonly broker: Broker & Outage;
  readonly log: EventLog & Outage;
  readonly places: Set<string>;
  isLost: boolean;
};

export function createEmbeddedBrokers(nature: Nature): SimulatedBrokers {
  const taken: Publication[] = [];
  const appended: LogRecord[] = [];
  let own: Own | undefined;

  const open = (life: Life): Own => {
    const clock = clockOf(nature, life);
    const onError = () => undefined; // it comes again
    return {
      life,
      broker: createMemoryBroker({ clock, onError }),
      log: createMemoryEventLog({ clock, onError }),
      places: new Set(),
      isLost: false,
    };
  };
  return {
    taken,
    appended,
    foreign: {
      append: (record) => reachable(own, record.topic, ({ log }) => log.append(record)),
      put: (queue, publication) =>
        reachable(own, queue, ({ broker }) => bindAndPublish(broker, queue, publication)),
    },
    connect(life) {
      own = open(life);
      return {
        broker: overNetwork(own.broker, { nature, life, taken, places: own.places }),
        log: logOverNetwork(own.log, { nature, life, appended, places: own.places }),
      };
    },
    turn() {
      if (own === undefined || own.isLost || nature.random() >= nature.weather().outage) return;
      void loseFor(nature, own);
    },
    wipe: () => undefined, // the next process opens its own
  };
}

type Way = { readonly nature: Nature; readonly life: Life; readonly places: Set<string> };

function overNetwork(
  broker: Broker,
  { life, nature, places, taken }: Way & { readonly taken: Publication[] },
): Broker {
  const fault = () => nature.ledger.note("transport");
  return {
    ...broker,
    async declare(topology) {
      await pause(nature, life);
      await broker.declare(topology);
      for (const { name } of topology.queues) places.add(name);
    },
    publish: (publication) => {
      const effect = async () => {
        const routed = await broker.publish(publication);
        taken.push(publication);
        return routed;
      };
      return network(nature, life, { effect, fault });
    },
    async consume(options, handler) {
      await pause(nature, life);
      return broker.consume(options, handler);
    },
  };
}

function logOverNetwork(
  log: EventLog,
  { appended, life, nature, places }: Way & { readonly appended: LogRecord[] },
): EventLog {
  const fault = () => nature.ledger.note("transport");
  return {
    ...log,
    async createTopic(topic) {
      await pause(nature, life);
      await log.createTopic(topic);
      places.add(topic.name);
    },
    append: (record) => {
      const effect = async () => {
        const at = await log.append(record);
        appended.push(record);
        return at;
      };
      return network(nature, life, { effect, fault });
    },
    async subscribe(options, handler) {
      await pause(nature, life);
      return log.subscribe(options, handler);
    },
  };
}

/** Both are away for a while, with what they had delivered. */
async function loseFor({ ledger, random, scheduler }: Nature, own: Own): Promise<void> {
  const supervisor: Life = { alive: true };
  ledger.note("transport");
  own.isLost = true;
  own.broker.lose();
  own.log.lose();
  await scheduler.after(supervisor, random() * 3000);
  own.isLost = false;
  own.broker.restore();
  own.log.restore();
}

/** False when there is no such place yet, or nobody is connected. */
function reachable(
  own: Own | undefined,
  place: string,
  work: (own: Own) => Promise<unknown>,
): boolean {
  if (own?.life.alive !== true || own.isLost || !own.places.has(place)) return false;
  void work(own);
  return true;
}

/** Through an exchange of its own, so that it can be sent under any routing key. */
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
