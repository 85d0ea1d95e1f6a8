import type { Channel } from "amqplib";
import { TuError } from "../../pipeline/errors.ts";
import type {
  BindingDeclaration,
  BrokerTopology,
  ExchangeDeclaration,
  QueueDeclaration,
} from "../../pipeline/ports/broker.ts";
import type { Connection } from "./connection.ts";
import { replyCodeOf, toTuError } from "./errors.ts";
import { type Link, onChannel } from "./link.ts";
import { tableTo } from "./table.ts";

export type Topology = {
  declare(topology: BrokerTopology): Promise<void>;
  /** The names of what is missing. */
  missing(topology: Pick<BrokerTopology, "exchanges" | "queues">): Promise<readonly string[]>;
  /** Our last consumer of this queue has closed. */
  leave(queue: string): void;
};

/**
 * What is declared over a connection. Queues that do not outlive a connection, their consumers or the broker are
 * declared again, with their bindings, on every link.
 */
export function createTopology(connection: Connection): Topology {
  const queues = new Map<string, QueueDeclaration>();
  const bindings = new Map<string, BindingDeclaration>();

  const remember = (declared: BrokerTopology) => {
    for (const queue of declared.queues) if (isTransient(queue)) queues.set(queue.name, queue);
    for (const binding of declared.bindings)
      if (queues.has(binding.queue)) bindings.set(JSON.stringify(binding), binding);
  };
  connection.attach({
    lose: () => undefined,
    rejoin: (link) =>
      declareOn(link, {
        ...{ exchanges: [], queues: [...queues.values()], bindings: [...bindings.values()] },
      }),
    resume: () => undefined,
  });
  return {
    async declare(declared) {
      await connection.run("declaring", (link) => declareOn(link, declared));
      remember(declared);
    },
    missing: (expected) =>
      connection.run("checking the topology", (link) => missingOn(link, expected)),
    leave(name) {
      if (queues.get(name)?.autoDelete !== true) return;
      queues.delete(name);
      for (const [key, { queue }] of bindings) if (queue === name) bindings.delete(key);
    },
  };
}

function isTransient({ autoDelete, durable, exclusive }: QueueDeclaration): boolean {
  return autoDelete === true || exclusive === true || durable === false;
}

async function declareOn(link: Link, { bindings, exchanges, queues }: BrokerTopology) {
  await onChannel(link, async (channel) => {
    for (const one of exchanges) await declareExchange(channel, one);
    for (const one of queues) await declareQueue(channel, one);
    for (const { exchange, queue, routingKey } of bindings)
      await known(
        `binding ${queue} to ${exchange}`,
        channel.bindQueue(queue, exchange, routingKey, {}),
      );
  });
}

async function declareExchange(channel: Channel, { name, type }: ExchangeDeclaration) {
  await known(`declaring exchange ${name}`, channel.assertExchange(name, type, { durable: true }));
}

async function declareQueue(channel: Channel, declared: QueueDeclaration) {
  const { autoDelete = false, durable = true, exclusive = false, name } = declared;
  const options = { autoDelete, durable, exclusive, arguments: tableTo(declared.arguments ?? {}) };
  await known(`declaring queue ${name}`, channel.assertQueue(name, options));
}

/**
 * A passive declaration only says whether there is something of this name. What exists is then declared as it should
 * be, which compares it and creates nothing.
 */
async function missingOn(
  link: Link,
  { exchanges, queues }: Pick<BrokerTopology, "exchanges" | "queues">,
): Promise<readonly string[]> {
  const missing: string[] = [];
  const compare = async (
    name: string,
    look: (channel: Channel) => Promise<unknown>,
    declare: (channel: Channel) => Promise<void>,
  ) => {
    const isThere = await onChannel(link, (channel) => exists(`looking at ${name}`, look(channel)));
    if (isThere) await onChannel(link, declare);
    else missing.push(name);
  };
  for (const one of exchanges)
    await compare(
      one.name,
      (channel) => channel.checkExchange(one.name),
      (channel) => declareExchange(channel, one),
    );
  for (const one of queues)
    await compare(
      one.name,
      (channel) => channel.checkQueue(one.name),
      (channel) => declareQueue(channel, one),
    );
  return missing;
}

async function exists(doing: string, look: Promise<unknown>): Promise<boolean> {
  try {
    await look;
    return true;
  } catch (error) {
    if (replyCodeOf(error) === 404) return false;
    throw toTuError(error, doing);
  }
}

async function known(doing: string, work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    const { cause, code, message } = toTuError(error, doing);
    throw new TuError(code, message, { cause, ...hintFor(code) });
  }
}

function hintFor(code: string): { hint?: string } {
  if (code !== "E_TOPOLOGY_MISMATCH") return {};
  return {
    hint: "compare the broker with `tu-analyze topology`; exchanges and queues keep their properties until they are deleted",
  };
}
