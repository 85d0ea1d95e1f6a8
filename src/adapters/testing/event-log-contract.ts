import { expect, test } from "vitest";
import type { EventLog, LogDelivery } from "../../pipeline/ports.ts";
import { createCollector, createGate } from "./collector.ts";

type Opened = { readonly log: EventLog; readonly close: () => Promise<void> };

const text = (record: { readonly body: Uint8Array }) => Buffer.from(record.body).toString();
/** Names that no earlier run has used, for logs that outlive the test. */
let names = 0;
const unique = (name: string) => `${name}-${process.pid}-${Date.now()}-${names++}`;

/** CRC32 modulo the number of partitions, as librdkafka's `consistent` partitioner has it. */
const partitionsOfKeys = [
  { key: "123456789", crc32: 0xcbf43926 },
  { key: "images/2025/11/22/a.jpg", crc32: 0x121563a6 },
  { key: "", crc32: 0 },
  { key: "Ünï/ødé", crc32: 0xd9ba953f },
];

/**
 * Every EventLog adapter must pass this suite. `open` gives an empty log, or one where unknown
 * names are free; a rejected handler is part of the suite, so `open` passes an `onError`.
 */
export function eventLogContract(open: () => Promise<Opened>): void {
  const scenario = (
    name: string,
    run: (world: ReturnType<typeof createWorld>) => Promise<void>,
    partitions = 1,
  ) =>
    test(name, async () => {
      const { log, close } = await open();
      try {
        const world = createWorld(log);
        await log.createTopic({ name: world.topic, partitions });
        await run(world);
      } finally {
        await close();
      }
    });

  scenario("a record arrives as it was appended, byte for byte", async ({ log, topic, read }) => {
    const body = Uint8Array.from([0, 255, 128, 10, 13]);
    const record = { topic, key: "k", headers: { "tu-name": "x", empty: "" }, body };
    const place = await log.append(record);
    body.fill(7);
    const [got] = await (await read("g")).seen.atLeast(1);
    expect(got).toMatchObject({ topic, key: "k", headers: record.headers, ...place });
    expect([...(got?.body ?? [])]).toEqual([0, 255, 128, 10, 13]);
  });

  scenario(
    "the key alone decides the partition, as librdkafka's consistent partitioner does",
    async ({ append }) => {
      for (const { key, crc32 } of partitionsOfKeys)
        expect([key, (await append("x", key)).partition]).toEqual([key, crc32 % 7]);
    },
    7,
  );

  scenario("a partition is read in order, one record at a time", async ({ append, read }) => {
    let running = 0;
    let most = 0;
    const reader = await read("g", async (delivery) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      await delivery.commit();
      running -= 1;
    });
    const wanted = Array.from({ length: 20 }, (_, index) => `r${index}`);
    for (const body of wanted) await append(body);
    expect((await reader.seen.atLeast(20)).map(text)).toEqual(wanted);
    expect(most).toBe(1);
  });

  scenario(
    "a record that is being handled does not hold up the other partitions",
    async ({ append, read }) => {
      const gate = createGate();
      const reader = await read("g", async (delivery) => {
        if (text(delivery) === "slow") await gate.opened;
        await delivery.commit();
      });
      const slow = await append("slow", "a");
      const other = await append("fast", "b");
      expect(other.partition).not.toBe(slow.partition);
      expect((await reader.seen.atLeast(2)).map(text).sort()).toEqual(["fast", "slow"]);
      gate.open();
    },
    3,
  );

  scenario("every group reads every record", async ({ append, read }) => {
    const [one, two] = [await read("one"), await read("two")];
    await append("a");
    await append("b");
    expect((await one.seen.atLeast(2)).map(text)).toEqual(["a", "b"]);
    expect((await two.seen.atLeast(2)).map(text)).toEqual(["a", "b"]);
  });

  scenario("a new group begins at the earliest or at the next record", async (world) => {
    const { append } = world;
    await append("before");
    const early = await world.read("early", undefined, "earliest");
    const late = await world.read("late", undefined, "latest");
    await append("after");
    expect((await early.seen.atLeast(2)).map(text)).toEqual(["before", "after"]);
    expect((await late.seen.atLeast(1)).map(text)).toEqual(["after"]);
  });

  scenario("a group goes on behind what it committed", async ({ append, read }) => {
    await append("a");
    const first = await read("g");
    await first.seen.atLeast(1);
    await first.close();
    await append("b");
    const second = await read("g", undefined, "latest");
    expect((await second.seen.atLeast(1)).map(text)).toEqual(["b"]);
  });

  scenario("what is not committed is delivered again to the next subscription", async (world) => {
    const { append, read } = world;
    for (const body of ["a", "b", "c"]) await append(body);
    const first = await read("g", async () => {});
    const [a, , c] = await first.seen.atLeast(3);
    await a?.commit();
    await c?.commit();
    await first.close();
    const second = await read("g");
    expect(text((await second.seen.atLeast(1))[0] as LogDelivery)).toBe("b"); // atLeast(1) gave one
  });

  scenario("committing twice is committing once", async ({ append, read }) => {
    const reader = await read("g", async (delivery) => {
      await delivery.commit();
      await delivery.commit();
    });
    for (const body of ["a", "b"]) await append(body);
    expect((await reader.seen.atLeast(2)).map(text)).toEqual(["a", "b"]);
  });

  scenario("a retried record comes again before the later ones", async ({ append, read }) => {
    let isFirst = true;
    const reader = await read("g", async (delivery) => {
      if (isFirst) await delivery.retry(5);
      else await delivery.commit();
      isFirst = false;
    });
    for (const body of ["a", "b"]) await append(body);
    expect((await reader.seen.atLeast(3)).map(text)).toEqual(["a", "a", "b"]);
    expect(new Set(reader.seen.items.slice(0, 2).map((one) => one.offset)).size).toBe(1);
  });

  scenario("a record whose handler rejects comes again", async ({ append, read }) => {
    let isFirst = true;
    const reader = await read("g", async (delivery) => {
      if (isFirst) {
        isFirst = false;
        throw new Error("the handler broke");
      }
      await delivery.commit();
    });
    for (const body of ["a", "b"]) await append(body);
    expect((await reader.seen.atLeast(3)).map(text)).toEqual(["a", "a", "b"]);
  });

  scenario(
    "members of a group share the partitions, and a leaving one hands its share over",
    async ({ append, read }) => {
      const [one, two] = [await read("g"), await read("g")];
      const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);
      const before = new Set<string>();
      const all = createCollector<string>();
      for (const member of [one, two]) member.onSeen((delivery) => all.add(text(delivery)));
      for (const key of keys) await append(key, key);
      for (const body of await all.atLeast(keys.length)) before.add(body);
      expect(before).toEqual(new Set(keys));
      await one.close();
      for (const key of keys) await append(`${key} again`, key);
      const after = new Set(await all.atLeast(2 * keys.length));
      expect(after).toEqual(new Set([...keys, ...keys.map((key) => `${key} again`)]));
    },
    4,
  );

  scenario("closing waits for the handler under way and takes no more", async (world) => {
    const gate = createGate();
    const started = createGate();
    const ended: string[] = [];
    const reader = await world.read("g", async (delivery) => {
      started.open();
      await gate.opened;
      await delivery.commit();
      ended.push(text(delivery));
    });
    for (const body of ["a", "b"]) await world.append(body);
    await started.opened;
    const closing = reader.close();
    gate.open();
    await closing;
    expect(ended).toEqual(["a"]);
    const next = await world.read("g");
    expect((await next.seen.atLeast(1)).map(text)).toEqual(["b"]);
  });

  scenario("what a closing subscription did not commit is delivered again", async (world) => {
    const [gate, started] = [createGate(), createGate()];
    const reader = await world.read("g", async () => {
      started.open();
      await gate.opened;
    });
    await world.append("a");
    await started.opened;
    const closing = reader.close();
    const next = await world.read("g");
    gate.open();
    await closing;
    expect((await next.seen.atLeast(1)).map(text)).toEqual(["a"]);
  });

  scenario("creating a topic again leaves it as it is", async ({ log, topic, append, read }) => {
    await append("a");
    await log.createTopic({ name: topic, partitions: 1 });
    expect((await (await read("g")).seen.atLeast(1)).map(text)).toEqual(["a"]);
  });

  scenario("a topic that was never created is refused", async ({ log }) => {
    const lost = { topic: unique("lost"), key: "k", headers: {}, body: Uint8Array.of(1) };
    await expect(log.append(lost)).rejects.toMatchObject({ code: "E_UNROUTABLE" });
  });
}

function createWorld(log: EventLog) {
  const topic = unique("topic");
  const groups = new Map<string, string>();
  return {
    log,
    topic,
    append: (body: string, key = "k") =>
      log.append({ topic, key, headers: {}, body: Buffer.from(body) }),
    /** Subscribes and collects; what the default handler sees, it commits. */
    async read(
      name: string,
      handler = (delivery: LogDelivery): Promise<void> => delivery.commit(),
      from: "earliest" | "latest" = "earliest",
    ) {
      const group = groups.get(name) ?? unique(name);
      groups.set(name, group);
      const seen = createCollector<LogDelivery>();
      let listener = (_: LogDelivery) => {};
      const subscription = await log.subscribe({ group, topics: [topic], from }, (delivery) => {
        seen.add(delivery);
        listener(delivery);
        return handler(delivery);
      });
      const onSeen = (listen: (delivery: LogDelivery) => void) => {
        listener = listen;
      };
      return { seen, onSeen, close: () => subscription.close() };
    },
  };
}
