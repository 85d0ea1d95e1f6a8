import { expect, test } from "vitest";
import type {
  AmqpTable,
  Broker,
  ExchangeDeclaration,
  QueueDeclaration,
  QueueDelivery,
} from "../../pipeline/ports/broker.ts";
import { createCollector, createGate } from "./collector.ts";

/** A connection to a broker, and the ways to disturb it. */
export type OpenedBroker = {
  readonly broker: Broker;
  /** Another connection to the same broker. */
  readonly another: () => Promise<Broker>;
  readonly lose: () => Promise<void>;
  /** Resolves when `broker` is connected again. */
  readonly restore: () => Promise<void>;
  /** Makes the broker stop accepting, and accept again. */
  readonly block: () => Promise<void>;
  readonly unblock: () => Promise<void>;
  readonly close: () => Promise<void>;
};
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
 * Every Broker adapter must pass this suite. `open` returns an empty broker, or one where unknown names are free;
 * the suite includes a handler that rejects, so `open` passes an `onError`. `canBlock` is false for a server that tests
 * must not fill.
 */
export function brokerContract(
  open: () => Promise<OpenedBroker>,
  { canBlock = true }: { readonly canBlock?: boolean } = {},
): void {
  const scenarioIf =
    (isPossible: boolean) => (name: string, run: (world: World) => Promise<void>) =>
      test.skipIf(!isPossible)(name, async () => {
        const opened = await open();
        try {
          await run(createWorld(opened));
        } finally {
          await opened.close();
        }
      });
  const scenario = scenarioIf(true);
  messages(scenario);
  settling(scenario);
  topology(scenario);
  troubles(scenario);
  blocking(scenarioIf(canBlock));
}

type World = ReturnType<typeof createWorld>;
type Scenario = (name: string, run: (world: World) => Promise<void>) => void;

function messages(scenario: Scenario): void {
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

  scenario(
    "headers keep their types, and properties that were not given stay away",
    async (world) => {
      const [exchange, queue] = await world.wire("fanout", [""]);
      const headers: AmqpTable = {
        text: "ü",
        empty: "",
        number: 1.5,
        yes: true,
        nothing: null,
        bytes: Uint8Array.of(0, 255),
        time: { timestamp: 1_763_800_000 },
        price: { decimal: { places: 2, digits: 1999 } },
        list: { list: ["a", 1, { table: { deep: false } }] },
      };
      const body = Uint8Array.of(1);
      const given = { contentType: "text/plain", replyTo: "somewhere" };
      const routingKey = "";
      await world.broker.publish({ exchange, routingKey, headers, properties: given, body });
      const [got] = await (await world.consume(queue)).seen.atLeast(1);
      expect(got?.headers).toEqual(headers);
      expect(got?.properties).toEqual(given);
    },
  );
}

function settling(scenario: Scenario): void {
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

  const delayed: Handler = (one) =>
    one.redelivered || text(one) === "b" ? one.ack() : one.nack({ requeue: true, delayMs: 20 });

  scenario("a message that waits for its delay uses up prefetch", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    for (const body of ["a", "b"]) await world.publish(exchange, "", body);
    const consumer = await world.consume(queue, delayed, 1);
    expect((await consumer.seen.atLeast(3)).map(text)).toEqual(["a", "a", "b"]);
    expect(consumer.seen.items[1]?.redelivered).toBe(true);
  });

  scenario("where prefetch has room, others pass a message that waits", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    for (const body of ["a", "b"]) await world.publish(exchange, "", body);
    const consumer = await world.consume(queue, delayed, 2);
    expect((await consumer.seen.atLeast(3)).map(text)).toEqual(["a", "b", "a"]);
  });

  scenario(
    "a message that waits for its delay comes at once when its consumer closes",
    async (world) => {
      const [exchange, queue] = await world.wire("fanout", [""]);
      await world.publish(exchange, "", "a");
      const refused = createGate();
      const first = await world.consume(queue, async (one) => {
        await one.nack({ requeue: true, delayMs: 3_600_000 });
        refused.open();
      });
      await refused.opened;
      await first.close();
      const [got] = await (await world.consume(queue)).seen.atLeast(1);
      expect(got?.redelivered).toBe(true);
    },
  );

  scenario("settling twice is settling once", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    for (const body of ["a", "b"]) await world.publish(exchange, "", body);
    const consumer = await world.consume(queue, async (one) => {
      await one.ack();
      await one.nack({ requeue: true });
    });
    expect((await consumer.seen.atLeast(2)).map(text)).toEqual(["a", "b"]);
    await world.publish(exchange, "", "c");
    expect((await consumer.seen.atLeast(3)).map(text)).toEqual(["a", "b", "c"]);
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
    let isClosed = false;
    const closing = consumer.close().then(() => {
      isClosed = true;
    });
    await world.broker.check({ exchanges: [], queues: [{ name: queue }] }); // time to close
    expect(isClosed).toBe(false);
    gate.open();
    await closing;
    expect(ended).toEqual(["a"]);
    expect((await (await world.consume(queue)).seen.atLeast(1)).map(text)).toEqual(["b"]);
  });
}

function topology(scenario: Scenario): void {
  scenario("declaring the same again changes nothing", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    await world.publish(exchange, "", "a");
    await world.broker.declare({
      exchanges: [{ name: exchange, type: "fanout" }],
      queues: [{ name: queue, durable: true, exclusive: false, autoDelete: false, arguments: {} }],
      bindings: [{ exchange, queue, routingKey: "" }],
    });
    expect(await world.publish(exchange, "", "b")).toEqual({ routed: true });
    expect((await (await world.consume(queue)).seen.atLeast(2)).map(text)).toEqual(["a", "b"]);
  });

  const others: readonly Omit<QueueDeclaration, "name">[] = [
    { exclusive: true },
    { autoDelete: true },
    { durable: false },
    { arguments: { "x-message-ttl": 60_000 } },
    { arguments: { "x-dead-letter-exchange": "elsewhere" } },
  ];
  for (const other of others)
    scenario(`a queue that exists is not taken for ${JSON.stringify(other)}`, async (world) => {
      const [exchange, name] = await world.wire("fanout", [""]);
      const expected = { exchanges: [], queues: [{ name, ...other }], bindings: [] };
      for (const refused of [world.broker.declare(expected), world.broker.check(expected)])
        await expect(refused).rejects.toMatchObject({ code: "E_TOPOLOGY_MISMATCH" });
      const same = { exchanges: [], queues: [{ name }] };
      expect(await world.broker.check(same)).toEqual({ missing: [] });
      expect(await world.publish(exchange, "", "a")).toEqual({ routed: true });
    });

  scenario("an exchange that exists is not taken for one of another type", async (world) => {
    const [name] = await world.wire("fanout", []);
    const expected = { exchanges: [{ name, type: "topic" as const }], queues: [], bindings: [] };
    for (const refused of [world.broker.declare(expected), world.broker.check(expected)])
      await expect(refused).rejects.toMatchObject({ code: "E_TOPOLOGY_MISMATCH" });
  });

  scenario("a check names what is missing and creates nothing", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    const [lostExchange, lostQueue] = [unique("lost"), unique("lost")];
    const expected = {
      exchanges: [exchange, lostExchange].map((name) => ({ name, type: "fanout" as const })),
      queues: [queue, lostQueue].map((name) => ({ name })),
    };
    for (const _ of ["once", "again"])
      expect(await world.broker.check(expected)).toEqual({ missing: [lostExchange, lostQueue] });
  });

  scenario("an exclusive queue is its connection's alone, and gone with it", async (world) => {
    const [owner, other] = [await world.another(), await world.another()];
    const queue = { name: unique("own"), durable: false, exclusive: true };
    await owner.declare({ exchanges: [], queues: [queue], bindings: [] });
    await owner.declare({ exchanges: [], queues: [queue], bindings: [] });
    const ack = async (one: QueueDelivery) => one.ack();
    for (const refused of [
      other.declare({ exchanges: [], queues: [queue], bindings: [] }),
      other.check({ exchanges: [], queues: [queue] }),
      other.consume({ queue: queue.name, prefetch: 1 }, ack),
    ])
      await expect(refused).rejects.toMatchObject({ code: "E_TOPOLOGY_MISMATCH" });
    await owner.close();
    const missing = [queue.name];
    expect(await other.check({ exchanges: [], queues: [queue] })).toEqual({ missing });
    await other.close();
  });

  scenario("an auto-delete queue goes with its last consumer", async (world) => {
    const queue = { name: unique("auto"), autoDelete: true };
    const isThere = async () => {
      const { missing } = await world.broker.check({ exchanges: [], queues: [queue] });
      return missing.length === 0;
    };
    await world.broker.declare({ exchanges: [], queues: [queue], bindings: [] });
    expect(await isThere()).toBe(true);
    const [one, two] = [await world.consume(queue.name), await world.consume(queue.name)];
    await one.close();
    expect(await isThere()).toBe(true);
    await two.close();
    expect(await isThere()).toBe(false);
  });

  scenario(
    "what is refused, or too old, goes to the queue's dead-letter exchange",
    async (world) => {
      const [dead, letters] = await world.wire("direct", ["dead"]);
      const name = unique("mortal");
      const given = {
        "x-dead-letter-exchange": dead,
        "x-dead-letter-routing-key": "dead",
        "x-message-ttl": 30,
      };
      const queues = [{ name, arguments: given }];
      await world.broker.declare({ exchanges: [], queues, bindings: [] });
      await world.publish("", name, "refused");
      const consumer = await world.consume(name, (one) => one.nack({ requeue: false }));
      await consumer.seen.atLeast(1);
      await consumer.close();
      await world.publish("", name, "too old");
      const dying = await world.consume(letters);
      expect((await dying.seen.atLeast(2)).map(text)).toEqual(["refused", "too old"]);
    },
  );

  scenario("an unknown exchange is refused, a known one without queues is not", async (world) => {
    const [exchange] = await world.wire("topic", []);
    expect(await world.publish(exchange, "k", "a")).toEqual({ routed: false });
    const lost = world.publish(unique("lost"), "k", "a");
    await expect(lost).rejects.toMatchObject({ code: "E_UNROUTABLE" });
  });

  scenario("nobody consumes from a queue that does not exist", async (world) => {
    const lost = world.consume(unique("lost"));
    await expect(lost).rejects.toMatchObject({ code: "E_UNROUTABLE" });
  });
}

const unavailable = { code: "E_SERVICE_UNAVAILABLE" };

function troubles(scenario: Scenario): void {
  scenario("while the connection is lost, everything that needs it rejects", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    const nothing = { exchanges: [], queues: [], bindings: [] };
    await world.lose();
    for (const refused of [
      world.publish(exchange, "", "a"),
      world.broker.declare(nothing),
      world.broker.check(nothing),
      world.consume(queue),
    ])
      await expect(refused).rejects.toMatchObject(unavailable);
    await world.restore();
    expect(await world.publish(exchange, "", "b")).toEqual({ routed: true });
  });

  scenario("what was not acknowledged comes again once the connection is back", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    for (const body of ["a", "b", "c", "d"]) await world.publish(exchange, "", body);
    const ackFirst: Handler = async (one) => {
      if (one.redelivered || text(one) === "a") await one.ack();
    };
    const consumer = await world.consume(queue, ackFirst, 3);
    const [, b, c] = await consumer.seen.atLeast(4); // d: the broker has heard that a is done
    await world.lose();
    await expect(b?.ack()).rejects.toMatchObject(unavailable);
    await world.restore();
    const again = (await consumer.seen.atLeast(7)).slice(4);
    expect(again.map((one) => [text(one), one.redelivered])).toEqual([
      ["b", true],
      ["c", true],
      ["d", true],
    ]);
    await expect(b?.ack()).rejects.toMatchObject(unavailable);
    await expect(c?.nack({ requeue: true })).rejects.toMatchObject(unavailable);
  });

  scenario("a handler that is under way does not keep its message from others", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    await world.publish(exchange, "", "a");
    const [gate, started] = [createGate(), createGate()];
    await world.consume(queue, async () => {
      started.open();
      await gate.opened;
    });
    await started.opened;
    const other = await world.another();
    await world.lose();
    const seen = createCollector<QueueDelivery>();
    await other.consume({ queue, prefetch: 1 }, async (one) => {
      seen.add(one);
      await one.ack();
    });
    expect((await seen.atLeast(1))[0]?.redelivered).toBe(true);
    gate.open();
    await world.restore();
    await other.close();
  });

  scenario("after an outage there are no more than prefetch deliveries either", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    const consumer = await world.consume(queue, async () => undefined, 2);
    await world.lose();
    await world.restore();
    for (const body of ["a", "b", "c"]) await world.publish(exchange, "", body);
    const [first] = await consumer.seen.atLeast(2);
    await world.publish(exchange, "", "d");
    expect(consumer.seen.items.map(text)).toEqual(["a", "b"]);
    await first?.ack();
    expect((await consumer.seen.atLeast(3)).map(text)).toEqual(["a", "b", "c"]);
  });

  scenario("a queue that is there again has the bindings that were added later", async (world) => {
    const [exchange] = await world.wire("fanout", []);
    const queue = { name: unique("own"), exclusive: true };
    await world.broker.declare({ exchanges: [], queues: [queue], bindings: [] });
    const bindings = [{ exchange, queue: queue.name, routingKey: "" }];
    await world.broker.declare({ exchanges: [], queues: [], bindings });
    await world.lose();
    await world.restore();
    expect(await world.publish(exchange, "", "a")).toEqual({ routed: true });
  });

  scenario("an auto-delete queue that its last consumer has left stays away", async (world) => {
    const [exchange] = await world.wire("fanout", []);
    const queue = { name: unique("auto"), autoDelete: true };
    const bindings = [{ exchange, queue: queue.name, routingKey: "" }];
    await world.broker.declare({ exchanges: [], queues: [queue], bindings });
    const [one, two] = [await world.consume(queue.name), await world.consume(queue.name)];
    await one.close();
    await world.lose();
    await world.restore();
    expect(await world.publish(exchange, "", "a")).toEqual({ routed: true });
    await two.close();
    await world.lose();
    await world.restore();
    expect(await world.publish(exchange, "", "b")).toEqual({ routed: false });
  });

  scenario("an exclusive queue is there again after an outage, bound and empty", async (world) => {
    const [exchange] = await world.wire("fanout", []);
    const name = unique("own");
    await world.broker.declare({
      exchanges: [],
      queues: [{ name, durable: false, exclusive: true, autoDelete: true }],
      bindings: [{ exchange, queue: name, routingKey: "" }],
    });
    const consumer = await world.consume(name, async () => undefined, 1);
    for (const body of ["a", "b"]) await world.publish(exchange, "", body);
    await consumer.seen.atLeast(1);
    await world.lose();
    await world.restore();
    await world.publish(exchange, "", "c");
    expect((await consumer.seen.atLeast(2)).map(text)).toEqual(["a", "c"]);
  });

  scenario(
    "closing the broker closes the consumers first, then everything rejects",
    async (world) => {
      const [exchange, queue] = await world.wire("fanout", [""]);
      const other = await world.another();
      const [gate, started] = [createGate(), createGate()];
      await world.consume(
        queue,
        async (one) => {
          started.open();
          await gate.opened;
          await one.ack();
        },
        1,
      );
      for (const body of ["a", "b"]) await world.publish(exchange, "", body);
      await started.opened;
      const closing = world.broker.close();
      gate.open();
      await closing;
      await world.broker.close();
      await expect(world.publish(exchange, "", "c")).rejects.toMatchObject(unavailable);
      const seen = createCollector<QueueDelivery>();
      await other.consume({ queue, prefetch: 1 }, async (one) => {
        seen.add(one);
        await one.ack();
      });
      expect((await seen.atLeast(1)).map(text)).toEqual(["b"]);
      await other.close();
    },
  );
}

function blocking(scenario: Scenario): void {
  scenario("states are told as they change, to who listens", async (world) => {
    const heard: string[] = [];
    const unheard: string[] = [];
    world.broker.onState((state) => heard.push(state));
    const end = world.broker.onState((state) => unheard.push(state));
    end();
    await world.lose();
    await world.restore();
    await world.block();
    await world.unblock();
    await world.broker.close();
    expect(heard).toEqual(["lost", "back", "blocked", "unblocked"]);
    expect(unheard).toEqual([]);
  });

  scenario("a blocked broker has publications wait, and goes on delivering", async (world) => {
    const [exchange, queue] = await world.wire("fanout", [""]);
    await world.publish(exchange, "", "a");
    await world.block();
    let isTaken = false;
    const published = world.publish(exchange, "", "b").then(() => {
      isTaken = true;
    });
    const consumer = await world.consume(queue, ack, 1);
    expect((await consumer.seen.atLeast(1)).map(text)).toEqual(["a"]);
    expect(isTaken).toBe(false);
    await world.unblock();
    await published;
    expect((await consumer.seen.atLeast(2)).map(text)).toEqual(["a", "b"]);
  });

  scenario("what waits for a blocked broker rejects when the connection is lost", async (world) => {
    const [exchange] = await world.wire("fanout", [""]);
    await world.block();
    const waiting = world.publish(exchange, "", "a");
    const refused = expect(waiting).rejects.toMatchObject(unavailable);
    await world.lose();
    await refused;
    await world.restore();
    expect(await world.publish(exchange, "", "b")).toEqual({ routed: true });
  });
}

function createWorld(opened: OpenedBroker) {
  const { broker } = opened;
  return {
    ...opened,
    /** One exchange and a queue per binding key; returns their names. */
    async wire(
      type: ExchangeDeclaration["type"],
      keys: readonly string[],
    ): Promise<readonly [string, string, ...string[]]> {
      const exchange = unique("exchange");
      const queues = keys.map(() => ({ name: unique("queue") }));
      const bindings = keys.map((routingKey, index) => ({
        exchange,
        queue: queues[index]?.name ?? "",
        routingKey,
      }));
      await broker.declare({ exchanges: [{ name: exchange, type }], queues, bindings });
      const [first = "", ...others] = queues.map(({ name }) => name);
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
