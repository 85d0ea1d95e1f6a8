import { catalogue, consumersIn, type Input } from "../contracts/catalogue.ts";
import type { FlowName } from "../contracts/contract.ts";
import { deliveryFromLog, deliveryFromQueue } from "../delivery/delivery.ts";
import { type FlowLinks, linkNote } from "../delivery/flow-links.ts";
import { headerNames } from "../delivery/headers.ts";
import { type Delivery, decode } from "../delivery/wire.ts";
import type { Message } from "../message.ts";
import type { Broker } from "../ports/broker.ts";
import type { Clock } from "../ports/clock.ts";
import type { EventLog, LogReadOptions } from "../ports/event-log.ts";
import type { Ids } from "../ports/ids.ts";
import type { Reporter } from "../ports/reporter.ts";
import type { Subscription } from "../ports/transport.ts";
import { toIso } from "../time.ts";
import { bindingKey, instanceQueue } from "../topology.ts";
import { messageHop } from "../trace/hops.ts";

// Sees every message of a flow on its way, and changes nothing: it reads topics without a group, and copies of what
// exchanges route, from queues that end with it.

/** A message that is on its way to these consumers. */
export type Tapped = {
  readonly message: Message;
  readonly delivery: Delivery;
  /** When it was seen; of what a log had before, when it was written. */
  readonly atMs: number;
  readonly inputs: readonly Input[];
};

type TapPorts = {
  readonly log: EventLog;
  readonly broker: Broker;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly links: FlowLinks;
  /** Messages that cannot be read are passed over: their consumers will tell of them. */
  readonly onMessage: (tapped: Tapped) => void;
};

/** A result without a key is linked by content, which may arrive a little later over the other transport. */
const keylessAfterMs = 300;
const window = 64;

export type Tap = Subscription & {
  /** Everything that topics had before was handled. */
  readonly caughtUp: Promise<void>;
};

/**
 * Resolves when it sees everything from then on; of topics, also what they had since `fromMs`. Topics and exchanges
 * that do not exist are passed over.
 */
export async function openTap(
  flow: FlowName,
  ports: TapPorts,
  fromMs: LogReadOptions["fromMs"] = "end",
): Promise<Tap> {
  const name = `tu-analyze.tap.${ports.ids.create()}`;
  const routes = routesOf(flow);
  const [log, queues] = await Promise.all([
    tapLog(routes, fromMs, ports),
    tapBroker(name, routes, ports),
  ]);
  return {
    caughtUp: log.caughtUp,
    async close() {
      await Promise.all([log, ...queues].map((subscription) => subscription.close()));
    },
  };
}

/** The consumers of each message on each of its routes. */
function routesOf(flow: FlowName): readonly (readonly [Input, ...Input[]])[] {
  return catalogue.flatMap((contract) =>
    contract.routes.flatMap((route) => {
      const [first, ...others] = consumersIn(route, flow).map((consumer) => ({
        ...{ contract, route, consumer },
      }));
      return first === undefined ? [] : [[first, ...others] as const];
    }),
  );
}
type Routes = ReturnType<typeof routesOf>;

async function tapLog(
  routes: Routes,
  fromMs: LogReadOptions["fromMs"],
  ports: TapPorts,
): Promise<Tap> {
  const byTopic = new Map(
    routes.flatMap((inputs) => {
      const { route } = inputs[0];
      return route.transport === "kafka" ? [[route.topic, inputs] as const] : [];
    }),
  );
  const topics = [...byTopic.keys()];
  const keyless = createBounded(window);
  const reading = await ports.log.read({ topics, fromMs }, async (one) => {
    const inputs = byTopic.get(one.topic);
    if (inputs === undefined) return;
    const atMs = fromMs === "end" ? ports.clock.nowMs() : one.atMs;
    const taking = take(
      { delivery: deliveryFromLog(one, inputs[0], toIso(atMs)), atMs, inputs },
      ports,
    );
    // What has no key has no order, and may have to wait for what it is linked by.
    await (one.key === null || one.key.length === 0 ? keyless.add(taking) : taking);
  });
  const close = async () => {
    await reading.close();
    await keyless.ended();
  };
  const caughtUp = reading.caughtUp.then(() => keyless.ended());
  caughtUp.catch(() => undefined); // whoever waits for it is told
  return { close, caughtUp };
}

/** Up to `size` at once: one more waits for one of them. What fails is told to whoever comes next. */
function createBounded(size: number) {
  const running = new Set<Promise<void>>();
  let failures: unknown[] = [];
  const tell = () => {
    const [failure] = failures;
    failures = [];
    if (failure !== undefined) throw failure;
  };
  return {
    async add(work: Promise<void>): Promise<void> {
      const run = work
        .catch((error: unknown) => void failures.push(error))
        .finally(() => running.delete(run));
      running.add(run);
      if (running.size >= size) await Promise.race(running);
      tell();
    },
    ended: async () => void (await Promise.all(running)),
  };
}

async function tapBroker(
  name: string,
  routes: Routes,
  ports: TapPorts,
): Promise<readonly Subscription[]> {
  const { broker, clock } = ports;
  const onRabbit = routes.flatMap((inputs) => {
    const { contract, route } = inputs[0];
    return route.transport === "rabbitmq" ? [{ contract, route, inputs }] : [];
  });
  const { missing } = await broker.check({
    exchanges: onRabbit.map(({ route }) => ({ name: route.exchange, type: route.exchangeType })),
    queues: [],
  });
  const opened: Subscription[] = [];
  for (const [index, { contract, inputs, route }] of onRabbit.entries()) {
    const { exchange } = route;
    if (missing.includes(exchange)) continue;
    const queue = `${name}.${index}`;
    await broker.declare({
      exchanges: [],
      queues: [{ name: queue, ...instanceQueue }],
      bindings: [{ exchange, queue, routingKey: bindingKey(route, contract.name) }],
    });
    opened.push(
      await broker.consume({ queue, prefetch: window }, async (one) => {
        const atMs = clock.nowMs();
        await take(
          { delivery: deliveryFromQueue(one, inputs[0], toIso(atMs)), atMs, inputs },
          ports,
        );
        await one.ack();
      }),
    );
  }
  return opened;
}

/** Reports a message on its way, to each of its consumers. */
export function reportTapped(
  { atMs, delivery, inputs, message }: Tapped,
  { reporter }: { readonly reporter: Reporter },
): void {
  for (const { consumer, contract, route } of inputs) {
    const at = { to: consumer.service, atMs, note: linkNote(message) };
    reporter.hop(messageHop(message, { contract, route }, at), { message, delivery });
  }
}

async function take(
  { atMs, delivery, inputs }: Omit<Tapped, "message">,
  { clock, ids, links, onMessage }: TapPorts,
): Promise<void> {
  const decoded = decode(delivery, ids);
  if (!decoded.readable) return;
  const { message } = decoded;
  const isNamed = delivery.headers[headerNames.correlationId] !== undefined;
  if (!isNamed && message.subject === "") await clock.sleep(keylessAfterMs);
  onMessage({ message: await links.linked(message, isNamed), delivery, atMs, inputs });
}
