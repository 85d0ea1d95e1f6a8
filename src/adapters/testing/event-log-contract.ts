import { expect, test, vi } from "vitest";
import type { EventLog, GroupChange, LogDelivery } from "../../pipeline/ports/event-log.ts";
import { createCollector, createGate } from "./collector.ts";

/** A log, and the ways to disturb it. */
export type OpenedLog = {
  readonly log: EventLog;
  readonly lose: () => Promise<void>;
  /** Resolves when the log is connected again. */
  readonly restore: () => Promise<void>;
  /**
   * Keeps only the last record of each key; null if a test cannot trigger that. May append a record of its own, with
   * the body `compaction`.
   */
  readonly compact: ((topic: string) => Promise<void>) | null;
  readonly close: () => Promise<void>;
};

const text = (record: { readonly body: Uint8Array | null }) =>
  Buffer.from(record.body ?? "nothing").toString();
const commit = (delivery: LogDelivery): Promise<void> => delivery.commit();
/** Runs everything that is ready. */
const turn = () => new Promise((resolve) => setImmediate(resolve));
/** Names that no earlier run has used, for logs that outlive the test. */
let names = 0;
const unique = (name: string) => `${name}-${process.pid}-${Date.now()}-${names++}`;

/** CRC32 modulo the number of partitions, like librdkafka's `consistent` partitioner. */
const partitionsOfKeys = [
  { key: "123456789", crc32: 0xcbf43926 },
  { key: "images/2025/11/22/a.jpg", crc32: 0x121563a6 },
  { key: "Ünï/ødé", crc32: 0xd9ba953f },
];

/**
 * Every EventLog adapter must pass this suite. `open` returns an empty log, or one where unknown names are free; the
 * suite includes a handler that rejects, so `open` passes an `onError`.
 */
export function eventLogContract(open: () => Promise<OpenedLog>): void {
  const scenario: Scenario = (name, run, partitions = 1) =>
    test(name, async () => {
      const opened = await open();
      try {
        const world = createWorld(opened);
        await opened.log.createTopic({ name: world.topic, partitions });
        await run(world);
      } finally {
        await opened.close();
      }
    });
  records(scenario);
  settling(scenario);
  windows(scenario);
  groups(scenario);
  troubles(scenario);
}

type World = ReturnType<typeof createWorld>;
type Scenario = (name: string, run: (world: World) => Promise<void>, partitions?: number) => void;

function records(scenario: Scenario): void {
  scenario("a record arrives as it was appended, byte for byte", async ({ log, topic, read }) => {
    const body = Uint8Array.from([0, 255, 128, 10, 13]);
    const key = Uint8Array.of(0, 200);
    const headers = [
      { name: "twice", value: Buffer.from("one") },
      { name: "binary", value: Uint8Array.of(255, 0) },
      { name: "twice", value: Buffer.from("two") },
      { name: "empty", value: Uint8Array.of() },
      { name: "absent", value: null },
    ];
    const place = await log.append({ topic, key, headers, body });
    for (const bytes of [body, key, headers[0]?.value]) bytes?.fill(7);
    const [got] = await (await read("g")).seen.atLeast(1);
    expect(got).toMatchObject({ topic, ...place });
    expect([...(got?.key ?? [])]).toEqual([0, 200]);
    expect([...(got?.body ?? [])]).toEqual([0, 255, 128, 10, 13]);
    expect(got?.headers.map(({ name, value }) => [name, value && [...value]])).toEqual([
      ["twice", [...Buffer.from("one")]],
      ["binary", [255, 0]],
      ["twice", [...Buffer.from("two")]],
      ["empty", []],
      ["absent", null],
    ]);
  });

  scenario(
    "no key and no body are something else than empty ones",
    async ({ log, topic, read }) => {
      const empty = Uint8Array.of();
      await log.append({ topic, key: null, headers: [], body: null });
      await log.append({ topic, key: empty, headers: [], body: empty });
      const seen = await (await read("g")).seen.atLeast(2);
      const inOrder = [...seen].sort((a, b) => a.offset - b.offset);
      expect(inOrder.map(({ body, key }) => [key?.length, body?.length])).toEqual([
        [undefined, undefined],
        [0, 0],
      ]);
    },
  );

  scenario(
    "the key alone decides the partition, as librdkafka's consistent partitioner does",
    async ({ append }) => {
      for (const { key, crc32 } of partitionsOfKeys)
        expect([key, (await append("x", key)).partition]).toEqual([key, crc32 % 7]);
    },
    7,
  );

  scenario("the records of a key are handled in order, one at a time", async ({ append, read }) => {
    let running = 0;
    let most = 0;
    const reader = await read("g", async (delivery) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      await delivery.commit();
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
    const early = await world.read("early", undefined, { from: "earliest" });
    const late = await world.read("late", undefined, { from: "latest" });
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
    const second = await read("g", undefined, { from: "latest" });
    expect((await second.seen.atLeast(1)).map(text)).toEqual(["b"]);
  });

  scenario("what is not committed is delivered again to the next subscription", async (world) => {
    const { append, read } = world;
    for (const body of ["a", "b", "c"]) await append(body, body);
    const first = await read("g", async () => {});
    const [a, , c] = await first.seen.atLeast(3);
    await a?.commit();
    await c?.commit();
    await first.close();
    const second = await read("g");
    expect(text((await second.seen.atLeast(1))[0] as LogDelivery)).toBe("b"); // atLeast(1) returned one
  });
}

function settling(scenario: Scenario): void {
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

  scenario("a record that waits for its retry uses up the window", async ({ append, read }) => {
    let isFirst = true;
    const again = async (delivery: LogDelivery) => {
      if (!isFirst) return delivery.commit();
      isFirst = false;
      await delivery.retry(20);
    };
    const reader = await read("g", again, { window: 1 });
    for (const body of ["a", "b"]) await append(body, body);
    expect((await reader.seen.atLeast(3)).map(text)).toEqual(["a", "a", "b"]);
  });

  scenario("where the window has room, other keys pass a record that waits", async (world) => {
    const { append, read } = world;
    const done = createCollector<LogDelivery>();
    const reader = await read("g", async (delivery) => {
      // It waits until both have passed it, however long they take to be appended.
      if (text(delivery) === "a" && done.items.length < 2) return delivery.retry(20);
      await delivery.commit();
      done.add(delivery);
    });
    for (const body of ["a", "b", "c"]) await append(body, body);
    expect((await done.atLeast(3)).map(text)).toEqual(["b", "c", "a"]);
    expect(text(reader.seen.items[0] as LogDelivery)).toBe("a"); // three are done
  });
}

function windows(scenario: Scenario): void {
  scenario("a partition is read no further ahead than the window", async ({ append, read }) => {
    const gates = new Map<string, () => void>();
    const hold = async (delivery: LogDelivery) => {
      const gate = createGate();
      gates.set(text(delivery), gate.open);
      await gate.opened;
      await delivery.commit();
    };
    const reader = await read("g", hold, { window: 3 });
    for (const body of ["a", "b", "c", "d", "e"]) await append(body, body);
    expect((await reader.seen.atLeast(3)).map(text)).toEqual(["a", "b", "c"]);
    for (const body of ["b", "c"]) gates.get(body)?.();
    await turn();
    expect(reader.seen.items).toHaveLength(3); // the first is not done
    gates.get("a")?.();
    expect((await reader.seen.atLeast(5)).map(text)).toEqual(["a", "b", "c", "d", "e"]);
    for (const open of gates.values()) open();
  });

  scenario("a record waits for its predecessor with the same key, others do not", async (world) => {
    const gate = createGate();
    const reader = await world.read("g", async (delivery) => {
      if (text(delivery) === "a1") await gate.opened;
      await delivery.commit();
    });
    for (const [body, key] of [
      ["a1", "a"],
      ["a2", "a"],
      ["b1", "b"],
      ["b2", "b"],
    ] as const)
      await world.append(body, key);
    expect((await reader.seen.atLeast(3)).map(text)).toEqual(["a1", "b1", "b2"]);
    await turn();
    expect(reader.seen.items).toHaveLength(3);
    gate.open();
    expect(text((await reader.seen.atLeast(4))[3] as LogDelivery)).toBe("a2"); // atLeast(4) returned four
  });

  scenario("records without a key, or with an empty one, wait for nobody", async (world) => {
    const gate = createGate();
    const reader = await world.read("g", async (delivery) => {
      await gate.opened;
      await delivery.commit();
    });
    for (const key of ["", null]) for (const body of ["a", "b"]) await world.append(body, key);
    expect((await reader.seen.atLeast(4)).map(text)).toEqual(["a", "b", "a", "b"]);
    gate.open();
  });

  scenario("the committed offset stays behind the first record that is not done", async (world) => {
    const { append, read } = world;
    for (const body of ["a", "b", "c", "d"]) await append(body, body);
    const first = await read("g", async (one) => {
      if (text(one) !== "b") await one.commit();
    });
    await first.seen.atLeast(4);
    await turn();
    expect(first.status().partitions.map(({ lag }) => lag)).toEqual([3]);
    await first.close();
    const seen = (await (await read("g")).seen.atLeast(3)).map(text);
    expect(seen).toContain("b");
    expect(seen).not.toContain("a");
  });

  scenario("offsets that were compacted away are not waited for", async (world) => {
    if (world.compact === null) return;
    for (const body of ["a1", "b1", "a2", "b2", "a3"]) await world.append(body, body.slice(0, 1));
    await world.compact(world.topic);
    const first = await world.read("g");
    const { offset } = await world.append("end", "end");
    await vi.waitFor(() => expect(first.seen.items.at(-1)?.offset).toBe(offset), patience);
    const seen = first.seen.items.map(text).filter((body) => body !== "compaction");
    expect(seen).toEqual(["b2", "a3", "end"]);
    await turn();
    expect(first.status().partitions.map(({ lag }) => lag)).toEqual([0]);
    await first.close();
    await world.append("c1", "c");
    const second = await world.read("g");
    expect((await second.seen.atLeast(1)).map(text)).toEqual(["c1"]);
  });

  scenario("closing writes what was committed", async ({ append, read }) => {
    const wanted = Array.from({ length: 50 }, (_, index) => `r${index}`);
    for (const body of wanted) await append(body, body);
    const first = await read("g", commit, { window: 8 });
    expect((await first.seen.atLeast(50)).map(text)).toEqual(wanted);
    await turn();
    await first.close();
    await append("after");
    expect((await (await read("g")).seen.atLeast(1)).map(text)).toEqual(["after"]);
  });
}

function groups(scenario: Scenario): void {
  scenario(
    "members of a group share the partitions, and a leaving one hands its share over",
    async ({ append, read }) => {
      const [one, two] = [await read("g"), await read("g")];
      const keys = Array.from({ length: 30 }, (_, index) => `key-${index}`);
      const all = createCollector<string>();
      for (const member of [one, two]) member.onSeen((delivery) => all.add(text(delivery)));
      for (const key of keys) await append(key, key);
      const distinct = () => new Set(all.items);
      await vi.waitFor(() => expect(distinct()).toEqual(new Set(keys)), patience);
      await one.close();
      for (const key of keys) await append(`${key} again`, key);
      const wanted = new Set([...keys, ...keys.map((key) => `${key} again`)]);
      await vi.waitFor(() => expect(distinct()).toEqual(wanted), patience);
    },
    4,
  );

  scenario(
    "while members come and go, nothing is lost and the order of a key is kept",
    async ({ append, read }) => {
      const all = createCollector<string>();
      const member = async () => {
        const reader = await read("g", async (delivery) => {
          all.add(text(delivery));
          await turn();
          await delivery.commit().catch(() => undefined); // no longer ours: it comes again
        });
        return reader;
      };
      const keys = ["a", "b", "c", "d", "e", "f"];
      const wanted: string[] = [];
      const appendSome = async () => {
        const round = wanted.length;
        const bodies = keys.map((key) => `${key}:${round}`);
        wanted.push(...bodies);
        await Promise.all(bodies.map((body) => append(body, body.slice(0, 1))));
      };
      const members = [await member()];
      for (let change = 0; change < 3; change += 1) {
        for (let index = 0; index < 20; index += 1) await appendSome();
        members.push(await member());
        for (let index = 0; index < 20; index += 1) await appendSome();
        await members.shift()?.close();
      }
      await vi.waitFor(() => expect(new Set(all.items)).toEqual(new Set(wanted)), patience);
      for (const key of keys) {
        const ofKey = (bodies: Iterable<string>) =>
          [...bodies].filter((body) => body.startsWith(`${key}:`));
        expect(ofKey(new Set(all.items))).toEqual(ofKey(wanted));
      }
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

  scenario(
    "a member hears what it has, and status says how far it is",
    async ({ append, read }) => {
      const changes: GroupChange[] = [];
      const one = await read("g", async () => undefined, {
        onGroup: (change) => changes.push(change),
      });
      const places = (status: { readonly partitions: readonly { readonly partition: number }[] }) =>
        status.partitions.map(({ partition }) => partition).sort();
      expect(one.status().isMember).toBe(true);
      expect(places(one.status())).toEqual([0, 1]);
      const { partition } = await append("a", "k");
      await one.seen.atLeast(1);
      const before = one.status().partitions.find((place) => place.partition === partition);
      expect(before?.lag).toBe(1);
      await one.seen.items[0]?.commit();
      const after = one.status().partitions.find((place) => place.partition === partition);
      expect(after?.lag).toBe(0);
      expect(after?.lastProgressAtMs).toBeGreaterThanOrEqual(before?.lastProgressAtMs ?? 0);
      const two = await read("g");
      await vi.waitFor(() => expect(one.status().partitions).toHaveLength(1), patience);
      expect(two.status().partitions).toHaveLength(1);
      const [shared] = [places(one.status())];
      await two.close();
      await vi.waitFor(() => expect(one.status().partitions).toHaveLength(2), patience);
      const told = changes.map((change) => change.type === "assigned" && places(change));
      expect(told).toEqual([[0, 1], shared, [0, 1]]);
    },
    2,
  );

  scenario("creating a topic again leaves it as it is", async ({ log, topic, append, read }) => {
    await append("a");
    await log.createTopic({ name: topic, partitions: 1 });
    expect((await (await read("g")).seen.atLeast(1)).map(text)).toEqual(["a"]);
  });

  scenario("a topic with another number of partitions is not taken for it", async (world) => {
    const { append, log, topic } = world;
    const other = log.createTopic({ name: topic, partitions: 3 });
    await expect(other).rejects.toMatchObject({ code: "E_TOPOLOGY_MISMATCH" });
    const keys = ["1", "2", "3", "4", "5"];
    for (const key of keys) expect((await append("x", key)).partition).toBe(0);
  });

  scenario("a topic that was never created is refused", async ({ log }) => {
    const lost = { topic: unique("lost"), key: null, headers: [], body: Uint8Array.of(1) };
    await expect(log.append(lost)).rejects.toMatchObject({ code: "E_UNROUTABLE" });
  });
}

/** For what a member learns from its group, which takes a moment. */
const patience = { timeout: 30_000, interval: 10 };

const unavailable = { code: "E_SERVICE_UNAVAILABLE" };

function troubles(scenario: Scenario): void {
  scenario("while the connection is lost, everything that needs it rejects", async (world) => {
    await world.lose();
    for (const refused of [
      world.append("a"),
      world.log.createTopic({ name: world.topic, partitions: 1 }),
      world.read("g"),
    ])
      await expect(refused).rejects.toMatchObject(unavailable);
    await world.restore();
    await world.append("b");
    expect((await (await world.read("g")).seen.atLeast(1)).map(text)).toEqual(["b"]);
  });

  scenario("what was not committed comes again once the connection is back", async (world) => {
    for (const body of ["a", "b", "c"]) await world.append(body, body);
    let isLost = false;
    const reader = await world.read("g", async (one) => {
      if (isLost || text(one) === "a") await one.commit();
    });
    const [, b, c] = await reader.seen.atLeast(3);
    await turn();
    await world.lose();
    isLost = true;
    await expect(b?.commit()).rejects.toMatchObject(unavailable);
    await world.restore();
    const again = () => reader.seen.items.slice(3).map(text);
    await vi.waitFor(() => expect(again()).toContain("c"), patience);
    // The first was done; where that was not durable yet, it comes again, too.
    expect(again().filter((body) => body !== "a")).toEqual(["b", "c"]);
    await expect(c?.commit()).rejects.toMatchObject(unavailable);
    await expect(c?.retry(0)).rejects.toMatchObject(unavailable);
  });

  scenario("a member hears that its group is lost, and when it is back", async (world) => {
    const changes: string[] = [];
    const onGroup = ({ type }: GroupChange) => changes.push(type);
    const reader = await world.read("g", commit, { onGroup });
    await world.lose();
    expect(reader.status()).toEqual({ isMember: false, partitions: [] });
    await world.restore();
    await world.append("a");
    await reader.seen.atLeast(1);
    expect(reader.status().isMember).toBe(true);
    expect(changes).toEqual(["assigned", "lost", "assigned"]);
  });

  scenario("states are told as they change, to who listens", async ({ log, lose, restore }) => {
    const heard: string[] = [];
    const unheard: string[] = [];
    log.onState((state) => heard.push(state));
    const end = log.onState((state) => unheard.push(state));
    end();
    await lose();
    await restore();
    await log.close();
    expect(heard).toEqual(["lost", "back"]);
    expect(unheard).toEqual([]);
  });

  scenario(
    "closing the log closes the subscriptions first, then everything rejects",
    async (world) => {
      const [gate, started] = [createGate(), createGate()];
      let isCommitted = false;
      await world.read("g", async (delivery) => {
        started.open();
        await gate.opened;
        await delivery.commit();
        isCommitted = true;
      });
      await world.append("a");
      await started.opened;
      const closing = world.log.close();
      gate.open();
      await closing;
      expect(isCommitted).toBe(true);
      await world.log.close();
      await expect(world.append("b")).rejects.toMatchObject(unavailable);
    },
  );

  scenario("the log closes while the connection is lost", async (world) => {
    for (const body of ["a", "b"]) await world.append(body);
    const reader = await world.read("g", async () => {});
    const [delivery] = await reader.seen.atLeast(1);
    await world.lose();
    await world.log.close();
    await expect(delivery?.commit()).rejects.toMatchObject(unavailable);
    await expect(world.append("c")).rejects.toMatchObject(unavailable);
  });

  scenario("a member that closes was not lost", async ({ read }) => {
    const changes: string[] = [];
    const reader = await read("g", commit, { onGroup: ({ type }) => changes.push(type) });
    await reader.close();
    expect(changes).toEqual(["assigned"]);
  });

  scenario("a subscription closes while the connection is lost", async (world) => {
    const reader = await world.read("g");
    await world.lose();
    await reader.close();
    await world.restore();
    await world.append("a");
    await turn();
    expect(reader.seen.items).toEqual([]);
  });
}

type Reading = {
  readonly from?: "earliest" | "latest";
  readonly window?: number;
  readonly onGroup?: (change: GroupChange) => void;
};

function createWorld(opened: OpenedLog) {
  const { log } = opened;
  const topic = unique("topic");
  const groups = new Map<string, string>();
  return {
    ...opened,
    topic,
    append: (body: string, key: string | null = "k") =>
      log.append({
        topic,
        key: key === null ? null : Buffer.from(key),
        headers: [],
        body: Buffer.from(body),
      }),
    /** Subscribes and collects; the default handler commits what it receives. */
    async read(name: string, handler = commit, reading: Reading = {}) {
      const group = groups.get(name) ?? unique(name);
      groups.set(name, group);
      const seen = createCollector<LogDelivery>();
      let listener = (_: LogDelivery) => {};
      const options = { from: "earliest", window: 10, ...reading, group, topics: [topic] } as const;
      const subscription = await log.subscribe(options, (delivery) => {
        seen.add(delivery);
        listener(delivery);
        return handler(delivery);
      });
      const onSeen = (listen: (delivery: LogDelivery) => void) => {
        listener = listen;
      };
      return { seen, onSeen, close: subscription.close, status: subscription.status };
    },
  };
}
