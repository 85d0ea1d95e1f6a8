import { expect, test } from "vitest";
import type { Broker, ExchangeDeclaration, QueueDelivery } from "../../pipeline/ports.ts";
import { createCollector, createGate } from "./collector.ts";

type Opened = { readonly broker: Broker; readonly close: () => Promise<void> };
type Handler = (delivery: QueueDelivery) => Promise<void>;

const text = ({ body }: { readonly body: Uint8Array }) => Buffer.from(body).toString();
const ack: Handler = (delivery) => delivery.ack();
/** Names that no earlier run has used, for brokers that outlive the test. */
let names = 0;
const unique = (name: string) => `${name}-${process.pid}-${Date.now()}-${names++}`;

const properties = {
  contentType: "application/json",
  correlationId: "flow-1",
  type: "machine.compare",
  appId: "svc-test",
  messageId: "m-1",
  timestamp: 1_763_800_000,
} as const;

/**
 * Every Broker adapter must pass this suite. `open` gives an empty broker, or one where unknown
 * names are free; a rejected handler is part of the suite, so `open` passes an `onError`.
 */
export function brokerContract(open: () => Promise<Opened>): void {
  const scenario = (name: string, run: (world: World) => Promise<void>) =>
    test(name, async () => {
      const { broker, close } = await open();
      try {
        await run(createWorld(broker));
      } finally {
        await close();
      }
    });

  scenario("a message arrives as it was published, byte for byte", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    const body = Uint8Array.from([0, 255, 128, 10, 13]);
    const publication = {
      exchange,
      routingKey: "k",
      headers: { "tu-name": "x" },
      properties,
      body,
    };
    expect(await world.broker.publish(publication)).toEqual({ routed: true });
    body.fill(7);
    const [got] = await (await world.consume(queue)).seen.atLeast(1);
    expect(got).toMatchObject({ exchange, routingKey: "k", queue, redelivered: false, properties });
    expect(got?.headers).toEqual({ "tu-name": "x" });
    expect([...(got?.body ?? [])]).toEqual([0, 255, 128, 10, 13]);
  });

  scenario("a fanout exchange reaches every bound queue, whatever the key", async (world) => {
    const [exchange, ...queues] = await world.wire("fanout", ["", ""]);
    expect(await world.publish(exchange, "anything", "a")).toEqual({ routed: true });
    for (const queue of queues)
      expect((await (await world.consume(queue)).seen.atLeast(1)).map(text)).toEqual(["a"]);
  });

  const routes = [
    { type: "direct", binding: "a.b", key: "a.b", routed: true },
    { type: "direct", binding: "a.*", key: "a.b", routed: false },
    { type: "topic", binding: "a.*", key: "a.b", routed: true },
    { type: "topic", binding: "a.*", key: "a", routed: false },
    { type: "topic", binding: "a.*", key: "a.b.c", routed: false },
    { type: "topic", binding: "#", key: "a.b.c", routed: true },
    { type: "topic", binding: "a.#", key: "a", routed: true },
    { type: "topic", binding: "a.#.z", key: "a.b.c.z", routed: true },
    { type: "topic", binding: "a.#.z", key: "a.b.c", routed: false },
    { type: "topic", binding: "*.b.#", key: "a.b", routed: true },
    { type: "topic", binding: "*", key: "a.b", routed: false },
  ] as const;
  for (const { type, binding, key, routed } of routes)
    scenario(`${type} ${binding} ${routed ? "takes" : "leaves"} ${key}`, async (world) => {
      const [exchange] = await world.wire(type, [binding]);
      expect(await world.publish(exchange, key, "a")).toEqual({ routed });
    });

  scenario("a queue that two bindings match gets the message once", async (world) => {
    const [exchange, queue] = await world.wire("topic", ["a.*"]);
    const bindings = [{ exchange, queue, routingKey: "#" }];
    await world.broker.declare({ exchanges: [], queues: [], bindings });
    for (const body of ["a", "b"]) await world.publish(exchange, "a.b", body);
    expect((await (await world.consume(queue)).seen.atLeast(2)).map(text)).toEqual(["a", "b"]);
  });

  scenario(
    "a queue is first in, first out, and keeps what came before its consumer",
    async (world) => {
      const [exchange, queue] = await world.wire("fanout", [""]);
      const wanted = Array.from({ length: 30 }, (_, index) => `m${index}`);
      for (const body of wanted.slice(0, 15)) await world.publish(exchange, "", body);
      const consumer = await world.consume(queue, ack, 1);
      for (const body of wanted.slice(15)) await world.publish(exchange, "", body);
      expect((await consumer.seen.atLeast(30)).map(text)).toEqual(wanted);
    },
  );

  scenario("no more than prefetch deliveries are unacknowledged", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    for (const body of ["a", "b", "c", "d"]) await world.publish(exchange, "", body);
    const consumer = await world.consume(queue, async () => {}, 2);
    const [first] = await consumer.seen.atLeast(2);
    await new Promise((resolve) => setImmediate(resolve));
    expect(consumer.seen.items.map(text)).toEqual(["a", "b"]);
    await first?.ack();
    expect((await consumer.seen.atLeast(3)).map(text)).toEqual(["a", "b", "c"]);
  });

  scenario("handlers run side by side up to prefetch", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    const gate = createGate();
    const consumer = await world.consume(queue, async (one) => {
      await gate.opened;
      await one.ack();
    });
    for (const body of ["a", "b"]) await world.publish(exchange, "", body);
    expect((await consumer.seen.atLeast(2)).map(text)).toEqual(["a", "b"]);
    gate.open();
  });

  scenario("a requeued message comes again, marked, before the later ones", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    for (const body of ["a", "b"]) await world.publish(exchange, "", body);
    const consumer = await world.consume(
      queue,
      (one) => (one.redelivered || text(one) === "b" ? one.ack() : one.nack({ requeue: true })),
      1,
    );
    expect((await consumer.seen.atLeast(3)).map(text)).toEqual(["a", "a", "b"]);
    expect(consumer.seen.items.map((one) => one.redelivered)).toEqual([false, true, false]);
  });

  scenario("a message requeued with a delay lets the others pass", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    for (const body of ["a", "b"]) await world.publish(exchange, "", body);
    const consumer = await world.consume(
      queue,
      (one) =>
        one.redelivered || text(one) === "b" ? one.ack() : one.nack({ requeue: true, delayMs: 20 }),
      1,
    );
    expect((await consumer.seen.atLeast(3)).map(text)).toEqual(["a", "b", "a"]);
    expect(consumer.seen.items[2]?.redelivered).toBe(true);
  });

  scenario("a message refused without requeue is gone", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    for (const body of ["a", "b"]) await world.publish(exchange, "", body);
    const consumer = await world.consume(queue, (one) =>
      text(one) === "a" ? one.nack({ requeue: false }) : one.ack(),
    );
    await consumer.seen.atLeast(2);
    await consumer.close();
    await world.publish(exchange, "", "c");
    expect((await (await world.consume(queue)).seen.atLeast(1)).map(text)).toEqual(["c"]);
  });

  scenario("a message whose handler rejects comes again", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    await world.publish(exchange, "", "a");
    const consumer = await world.consume(queue, async (one) => {
      if (!one.redelivered) throw new Error("the handler broke");
      await one.ack();
    });
    expect((await consumer.seen.atLeast(2)).map((one) => one.redelivered)).toEqual([false, true]);
  });

  scenario("what a closed consumer had not acknowledged returns to the head", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    for (const body of ["a", "b", "c"]) await world.publish(exchange, "", body);
    const first = await world.consume(queue, async () => {}, 3);
    const [, b] = await first.seen.atLeast(3);
    await b?.ack();
    await first.close();
    await world.publish(exchange, "", "d");
    const second = await world.consume(queue, ack, 1);
    expect((await second.seen.atLeast(3)).map(text)).toEqual(["a", "c", "d"]);
    expect(second.seen.items.map((one) => one.redelivered)).toEqual([true, true, false]);
  });

  scenario("competing consumers take turns and share each message once", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    const all = createCollector<string>();
    const take: Handler = async (one) => {
      all.add(text(one));
      await one.ack();
    };
    const consumers = [await world.consume(queue, take, 1), await world.consume(queue, take, 1)];
    const wanted = Array.from({ length: 20 }, (_, index) => `m${index}`);
    for (const body of wanted) await world.publish(exchange, "", body);
    expect(new Set(await all.atLeast(20))).toEqual(new Set(wanted));
    expect(all.items.length).toBe(20);
    for (const { seen } of consumers) expect(seen.items.length).toBeGreaterThan(4);
  });

  scenario("closing waits for the handlers under way and takes no more", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    const [gate, started] = [createGate(), createGate()];
    const ended: string[] = [];
    const consumer = await world.consume(
      queue,
      async (one) => {
        started.open();
        await gate.opened;
        await one.ack();
        ended.push(text(one));
      },
      1,
    );
    for (const body of ["a", "b"]) await world.publish(exchange, "", body);
    await started.opened;
    const closing = consumer.close();
    gate.open();
    await closing;
    expect(ended).toEqual(["a"]);
    expect((await (await world.consume(queue)).seen.atLeast(1)).map(text)).toEqual(["b"]);
  });

  scenario("declaring the same again changes nothing", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    await world.publish(exchange, "", "a");
    await world.broker.declare({
      exchanges: [{ name: exchange, type: "fanout" }],
      queues: [queue],
      bindings: [{ exchange, queue, routingKey: "" }],
    });
    expect(await world.publish(exchange, "", "b")).toEqual({ routed: true });
    expect((await (await world.consume(queue)).seen.atLeast(2)).map(text)).toEqual(["a", "b"]);
  });

  scenario("an exchange is not declared again with another type", async (world) => {
    const [exchange] = await world.wire("fanout", []);
    const again = {
      exchanges: [{ name: exchange, type: "topic" as const }],
      queues: [],
      bindings: [],
    };
    await expect(world.broker.declare(again)).rejects.toMatchObject({ code: "E_USAGE" });
  });

  scenario("an unknown exchange is refused, a known one without queues is not", async (world) => {
    const [exchange] = await world.wire("topic", []);
    expect(await world.publish(exchange, "k", "a")).toEqual({ routed: false });
    const lost = world.publish(unique("lost"), "k", "a");
    await expect(lost).rejects.toMatchObject({ code: "E_UNROUTABLE" });
  });
}

type World = ReturnType<typeof createWorld>;

function createWorld(broker: Broker) {
  return {
    broker,
    /** One exchange and a queue for each binding key; gives their names. */
    async wire(
      type: ExchangeDeclaration["type"],
      keys: readonly string[],
    ): Promise<readonly [string, string, ...string[]]> {
      const exchange = unique("exchange");
      const queues = keys.map(() => unique("queue"));
      const bindings = keys.map((routingKey, index) => ({
        exchange,
        queue: queues[index] ?? "",
        routingKey,
      }));
      await broker.declare({ exchanges: [{ name: exchange, type }], queues, bindings });
      const [first = "", ...others] = queues;
      return [exchange, first, ...others];
    },
    publish: (exchange: string, routingKey: string, body: string) =>
      broker.publish({ exchange, routingKey, headers: {}, properties, body: Buffer.from(body) }),
    async consume(queue: string, handler: Handler = ack, prefetch = 10) {
      const seen = createCollector<QueueDelivery>();
      const subscription = await broker.consume({ queue, prefetch }, (delivery) => {
        seen.add(delivery);
        return handler(delivery);
      });
      return { seen, close: () => subscription.close() };
    },
  };
}
