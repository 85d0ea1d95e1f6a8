import { expect, test, vi } from "vitest";
import type { LogReadOptions, ReadRecord } from "../../pipeline/ports/event-log.ts";
import { createCollector, createGate } from "./collector.ts";
import type { OpenedLog } from "./event-log-contract.ts";

const text = ({ body }: { readonly body: Uint8Array | null }) =>
  Buffer.from(body ?? "nothing").toString();
/** Runs everything that is ready. */
const turn = () => new Promise((resolve) => setImmediate(resolve));
const later = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** Names that no earlier run has used, for logs that outlive the test. */
let names = 0;
const unique = (name: string) => `${name}-${process.pid}-${Date.now()}-${names++}`;
/** For what a broker learns from its clients, which takes a moment. */
const patience = { timeout: 30_000, interval: 20 };
const unavailable = { code: "E_SERVICE_UNAVAILABLE" };

/** The part of EventLog that needs no group. Every adapter must pass it, as it does `eventLogContract`. */
export function logReadingContract(open: () => Promise<OpenedLog>): void {
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
  beginnings(scenario);
  handling(scenario);
  bystanders(scenario);
  troubles(scenario);
}

type World = ReturnType<typeof createWorld>;
type Scenario = (name: string, run: (world: World) => Promise<void>, partitions?: number) => void;

function beginnings(scenario: Scenario): void {
  scenario("a record is read as it was appended, byte for byte", async ({ log, read, topic }) => {
    const before = Date.now();
    const body = Uint8Array.from([0, 255, 128, 10, 13]);
    const headers = [
      { name: "twice", value: Buffer.from("one") },
      { name: "binary", value: Uint8Array.of(255, 0) },
      { name: "twice", value: Buffer.from("two") },
      { name: "ünïcode", value: Buffer.from("é") },
      { name: "empty", value: Uint8Array.of() },
      { name: "absent", value: null },
    ];
    const place = await log.append({ topic, key: Uint8Array.of(0, 200), headers, body });
    await log.append({ topic, key: null, headers: [], body: null });
    await log.append({ topic, key: Uint8Array.of(), headers: [], body: Uint8Array.of() });
    const reading = await read();
    await reading.caughtUp;
    const [full, absent, empty] = reading.seen.items;
    expect(full).toMatchObject({ topic, ...place });
    expect([...(full?.key ?? [])]).toEqual([0, 200]);
    expect([...(full?.body ?? [])]).toEqual([0, 255, 128, 10, 13]);
    expect(full?.headers.map(({ name, value }) => [name, value && [...value]])).toEqual([
      ["twice", [...Buffer.from("one")]],
      ["binary", [255, 0]],
      ["twice", [...Buffer.from("two")]],
      ["ünïcode", [...Buffer.from("é")]],
      ["empty", []],
      ["absent", null],
    ]);
    expect([absent?.key, absent?.body, absent?.headers]).toEqual([null, null, []]);
    expect([empty?.key?.length, empty?.body?.length]).toEqual([0, 0]);
    expect(full?.atMs).toBeGreaterThanOrEqual(before);
    expect(full?.atMs).toBeLessThanOrEqual(Date.now());
    expect(reading.seen.items).toHaveLength(3);
  });

  scenario("a reading begins with the first record of a time or later", async (world) => {
    const { append, read } = world;
    await append("a");
    await later(10);
    await append("b");
    const all = await read();
    await all.caughtUp;
    const [a, b] = all.seen.items.map(({ atMs }) => atMs);
    if (a === undefined || b === undefined) throw new Error("nothing was read");
    expect(a).toBeLessThan(b);
    const readFrom = async (fromMs: number) => {
      const reading = await read(undefined, { fromMs });
      await reading.caughtUp;
      return reading.seen.items.map(text);
    };
    expect(await readFrom(a)).toEqual(["a", "b"]);
    expect(await readFrom(a + 1)).toEqual(["b"]);
    expect(await readFrom(a + 0.5)).toEqual(["b"]);
    expect(await readFrom(b)).toEqual(["b"]);
    expect(await readFrom(b + 1)).toEqual([]);
  });

  scenario("where nothing is that late, it begins with what is appended next", async (world) => {
    await world.append("before");
    const reading = await world.read(undefined, { fromMs: Date.now() + 60_000 });
    await reading.caughtUp;
    await world.append("after");
    expect((await reading.seen.atLeast(1)).map(text)).toEqual(["after"]);
  });

  scenario(
    "from the end, it reads what is appended after it began",
    async ({ append, read }) => {
      for (const key of ["a", "b", "c"]) await append("before", key);
      const reading = await read(undefined, { fromMs: "end" });
      await reading.caughtUp;
      for (const key of ["a", "b", "c"]) await append(`after ${key}`, key);
      const seen = (await reading.seen.atLeast(3)).map(text);
      expect(seen.sort()).toEqual(["after a", "after b", "after c"]);
    },
    3,
  );

  scenario("topics that do not exist are named and passed over", async (world) => {
    const lost = unique("lost");
    await world.append("a");
    const some = await world.read(undefined, { topics: [lost, world.topic] });
    await some.caughtUp;
    expect(some.missing).toEqual([lost]);
    expect(some.seen.items.map(text)).toEqual(["a"]);
    const none = await world.read(undefined, { topics: [lost] });
    await none.caughtUp;
    expect(none.missing).toEqual([lost]);
  });

  scenario("several topics are read, one named twice only once", async (world) => {
    const other = unique("other");
    await world.log.createTopic({ name: other, partitions: 2 });
    await world.append("a");
    for (const key of ["1", "2", "3"])
      await world.log.append({
        ...{ topic: other, key: Buffer.from(key), headers: [], body: Buffer.from(key) },
      });
    const reading = await world.read(undefined, { topics: [world.topic, other, other] });
    await reading.caughtUp;
    expect(reading.seen.items.map((one) => `${one.topic} ${text(one)}`).sort()).toEqual(
      [`${world.topic} a`, `${other} 1`, `${other} 2`, `${other} 3`].sort(),
    );
  });
}

function handling(scenario: Scenario): void {
  scenario(
    "records are handled one at a time, those of a partition in order",
    async ({ append, read }) => {
      const wanted = Array.from({ length: 60 }, (_, index) => `${index % 6}:${index}`);
      const appendSome = (bodies: readonly string[]) =>
        Promise.all(bodies.map((body) => append(body, body.slice(0, 1))));
      await appendSome(wanted.slice(0, 30));
      let running = 0;
      let most = 0;
      const reading = await read(async () => {
        running += 1;
        most = Math.max(most, running);
        await turn();
        running -= 1;
      });
      await appendSome(wanted.slice(30));
      const seen = (await reading.seen.atLeast(60)).map(text);
      for (const key of ["0", "1", "2", "3", "4", "5"]) {
        const ofKey = (bodies: readonly string[]) => bodies.filter((body) => body[0] === key);
        expect(ofKey(seen)).toEqual(ofKey(wanted));
      }
      expect(new Set(reading.seen.items.map(({ partition }) => partition)).size).toBeGreaterThan(1);
      expect(most).toBe(1);
    },
    3,
  );

  scenario("it has caught up when all that was there is handled, and not before", async (world) => {
    for (const body of ["a", "b"]) await world.append(body);
    const gate = createGate();
    const reading = await world.read((record) => (text(record) === "b" ? gate.opened : undefined));
    let isCaughtUp = false;
    const caughtUp = reading.caughtUp.then(() => {
      isCaughtUp = true;
    });
    await reading.seen.atLeast(2);
    await world.append("c");
    await turn();
    expect(isCaughtUp).toBe(false);
    gate.open();
    await caughtUp;
    expect((await reading.seen.atLeast(3)).map(text)).toEqual(["a", "b", "c"]);
  });

  scenario("it catches up while more is appended than it can handle", async (world) => {
    for (const body of ["a", "b", "c"]) await world.append(body);
    const reading = await world.read(async () => {
      await world.append("more");
    });
    await reading.caughtUp;
    expect(reading.seen.items.slice(0, 3).map(text)).toEqual(["a", "b", "c"]);
    await reading.close();
  });

  scenario("a record whose handler fails is not handed over again", async (world) => {
    for (const body of ["rejects", "throws", "fine"]) await world.append(body);
    const reading = await world.read((record) => {
      if (text(record) === "throws") throw new Error("the handler broke");
      return text(record) === "rejects" ? Promise.reject(new Error("it broke too")) : undefined;
    });
    await reading.caughtUp;
    expect(reading.seen.items.map(text)).toEqual(["rejects", "throws", "fine"]);
  });

  scenario("records of a megabyte are read", async ({ log, read, topic }) => {
    const bodies = [1, 2, 3].map((byte) => Buffer.alloc(1_000_000, byte));
    for (const body of bodies) await log.append({ topic, key: null, headers: [], body });
    const reading = await read();
    await reading.caughtUp;
    const seen = reading.seen.items.map(({ body }) => Buffer.from(body ?? []));
    expect(seen.map((body, index) => body.equals(bodies[index] as Buffer))).toEqual([
      ...[true, true, true], // as many as there are bodies
    ]);
  });

  scenario("closing waits for the handler under way and takes no more", async (world) => {
    const [gate, started] = [createGate(), createGate()];
    const ended: string[] = [];
    const reading = await world.read(async (record) => {
      started.open();
      await gate.opened;
      ended.push(text(record));
    });
    for (const body of ["a", "b"]) await world.append(body);
    await started.opened;
    let isClosed = false;
    const closing = reading.close().then(() => {
      isClosed = true;
    });
    await turn();
    expect(isClosed).toBe(false);
    gate.open();
    await closing;
    await world.append("c");
    await turn();
    expect(ended).toEqual(["a"]);
    expect(reading.seen.items).toHaveLength(1);
    await reading.close();
  });

  scenario("what is closed before it has caught up says so", async (world) => {
    for (const body of ["a", "b"]) await world.append(body);
    const gate = createGate();
    const reading = await world.read(() => gate.opened);
    await reading.seen.atLeast(1);
    const closing = reading.close();
    await expect(reading.caughtUp).rejects.toMatchObject(unavailable);
    gate.open();
    await closing;
  });

  scenario("gaps where records were compacted away are passed", async (world) => {
    if (world.compact === null) return;
    for (const [body, key] of [
      ["a1", "a"],
      ["b1", "b"],
      ["a2", "a"],
      ["b2", "b"],
      ["c1", "c"],
    ] as const)
      await world.append(body, key);
    await world.compact(world.topic);
    const reading = await world.read();
    await reading.caughtUp;
    const seen = reading.seen.items.map(text).filter((body) => body !== "compaction");
    expect(seen).toEqual(["a2", "b2", "c1"]);
    await world.append("d1", "d");
    await vi.waitFor(() => expect(reading.seen.items.map(text)).toContain("d1"), patience);
  });
}

function bystanders(scenario: Scenario): void {
  const readAs = async ({ log, topic }: World, group: string) => {
    const seen = createCollector<string>();
    const options = { group, topics: [topic], from: "earliest", window: 10 } as const;
    await log.subscribe(options, async (one) => {
      seen.add(text(one));
      await one.commit();
    });
    return seen;
  };

  scenario("a reading takes nothing from a group", async (world) => {
    const { append, read } = world;
    const group = await readAs(world, unique("group"));
    await append("a");
    const reading = await read(undefined, { fromMs: "end" });
    await append("b");
    expect((await reading.seen.atLeast(1)).map(text).at(-1)).toBe("b");
    expect(await group.atLeast(2)).toEqual(["a", "b"]);
  });

  scenario("what a reading has read is there for the groups to come", async (world) => {
    await world.append("a");
    const reading = await world.read();
    await world.append("b");
    await reading.seen.atLeast(2);
    expect(await (await readAs(world, unique("group"))).atLeast(2)).toEqual(["a", "b"]);
  });

  scenario("what a group has done is there for a slow reading", async (world) => {
    const gate = createGate();
    const group = await readAs(world, unique("group"));
    const reading = await world.read(() => gate.opened, { fromMs: "end" });
    for (const body of ["a", "b", "c"]) await world.append(body);
    await group.atLeast(3);
    await turn();
    gate.open();
    expect((await reading.seen.atLeast(3)).map(text)).toEqual(["a", "b", "c"]);
  });

  scenario(
    "how far groups are is asked from outside",
    async ({ append, log, topic }) => {
      const [group, stranger] = [unique("group"), unique("stranger")];
      const places = [];
      for (const [body, key] of [
        ["a", "k"],
        ["b", "k"],
        ["c", "l"],
      ] as const)
        places.push(await append(body, key));
      const [a, b, c] = places;
      if (a === undefined || b === undefined || c === undefined) throw new Error("not appended");
      expect(c.partition).not.toBe(a.partition);
      const options = { group, topics: [topic], from: "earliest", window: 10 } as const;
      await log.subscribe(options, async (one) => {
        if (text(one) === "a") await one.commit();
      });
      const asked = () => log.groupLags([group, stranger], [unique("lost"), topic]);
      const wanted = (of: string, committed: number | null) =>
        [a, c]
          .map(({ partition }) => ({
            ...{ group: of, topic, partition },
            committed: committed !== null && partition === c.partition ? 0 : committed,
            end: partition === a.partition ? 2 : 1,
          }))
          .sort((one, other) => one.partition - other.partition);
      const told = [...wanted(group, b.offset), ...wanted(stranger, null)];
      await vi.waitFor(async () => expect(await asked()).toEqual(told), patience);
    },
    2,
  );
}

function troubles(scenario: Scenario): void {
  scenario("while the connection is lost, a reading cannot begin", async (world) => {
    await world.lose();
    await expect(world.read()).rejects.toMatchObject(unavailable);
    await expect(world.log.groupLags(["g"], [world.topic])).rejects.toMatchObject(unavailable);
    await world.restore();
    await world.append("a");
    const reading = await world.read();
    await reading.caughtUp;
    expect(reading.seen.items.map(text)).toEqual(["a"]);
  });

  scenario(
    "after a lost connection it goes on, each record once",
    async (world) => {
      const keys = ["a", "b", "c", "d"];
      const appendAll = (round: number) =>
        Promise.all(keys.map((key) => world.append(`${key}${round}`, key)));
      const rounds = [0, 1, 2];
      for (const round of rounds.slice(0, 2)) await appendAll(round);
      const [gate, started] = [createGate(), createGate()];
      const reading = await world.read(async () => {
        if (reading.seen.items.length !== 3) return;
        started.open();
        await gate.opened;
      });
      await started.opened;
      await world.lose();
      await turn();
      expect(reading.seen.items).toHaveLength(3);
      await world.restore();
      await appendAll(2);
      await turn();
      expect(reading.seen.items).toHaveLength(3); // the third one is still under way
      gate.open();
      await reading.caughtUp;
      await world.append("last", "a");
      await vi.waitFor(() => expect(reading.seen.items.map(text)).toContain("last"), patience);
      const offsets = reading.seen.items.map((one) => `${one.partition}/${one.offset}`);
      expect(offsets).toEqual([...new Set(offsets)]);
      const seen = [...new Set(reading.seen.items.map(text))]; // one may have been appended twice
      for (const key of keys) {
        const wanted = rounds.map((at) => `${key}${at}`);
        expect(seen.filter((body) => body[0] === key)).toEqual(wanted);
      }
    },
    3,
  );

  scenario(
    "what is handled while the connection is lost is not handed over again",
    async (world) => {
      for (const body of ["a", "b"]) await world.append(body);
      const [gate, started] = [createGate(), createGate()];
      const reading = await world.read(async () => {
        started.open();
        await gate.opened;
      });
      await started.opened;
      await world.lose();
      gate.open();
      await turn();
      expect(reading.seen.items.map(text)).toEqual(["a"]);
      await world.restore();
      await reading.caughtUp;
      expect(reading.seen.items.map(text)).toEqual(["a", "b"]);
    },
  );

  scenario("what was appended to the end it waits at comes after an outage", async (world) => {
    const reading = await world.read(undefined, { fromMs: "end" });
    await reading.caughtUp;
    await world.lose();
    await world.restore();
    await world.append("a");
    expect((await reading.seen.atLeast(1)).map(text)).toEqual(["a"]);
  });

  scenario("a reading closes while the connection is lost", async (world) => {
    const reading = await world.read();
    await reading.caughtUp;
    await world.lose();
    await reading.close();
    await world.restore();
    await world.append("a");
    await turn();
    expect(reading.seen.items).toEqual([]);
  });

  scenario("closing the log closes its readings", async (world) => {
    const [gate, started] = [createGate(), createGate()];
    let isEnded = false;
    await world.read(async () => {
      started.open();
      await gate.opened;
      isEnded = true;
    });
    await world.append("a");
    await started.opened;
    const closing = world.log.close();
    gate.open();
    await closing;
    expect(isEnded).toBe(true);
    await expect(world.read()).rejects.toMatchObject(unavailable);
  });
}

type Handler = (record: ReadRecord) => void | Promise<void>;

function createWorld(opened: OpenedLog) {
  const { log } = opened;
  const topic = unique("topic");
  return {
    ...opened,
    topic,
    append: (body: string, key = "k") =>
      log.append({ topic, key: Buffer.from(key), headers: [], body: Buffer.from(body) }),
    /** Reads from the first record, and collects. */
    async read(handler: Handler = () => undefined, options: Partial<LogReadOptions> = {}) {
      const seen = createCollector<ReadRecord>();
      const reading = await log.read({ topics: [topic], fromMs: 0, ...options }, (record) => {
        seen.add(record);
        return handler(record);
      });
      return { ...reading, seen };
    },
  };
}
