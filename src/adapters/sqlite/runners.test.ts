import Libsql from "libsql";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { Message } from "../../pipeline/message.ts";
import type { Owed } from "../../pipeline/ports/journal.ts";
import { sampleEntry, sampleMessage } from "../testing/samples.ts";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { openSqliteState, type SqliteState } from "./state.ts";

const owedTo = ({ name }: Message) => (name === "sample" ? ["svc-b"] : []);
const sends = (id: string) =>
  sampleEntry({
    message: sampleMessage({ id: `cause of ${id}` }),
    outgoing: [sampleMessage({ id })],
  });

type World = {
  readonly file: string;
  readonly open: (checkpointEvery?: number) => Promise<SqliteState>;
  readonly wait: (ms: number) => void;
  /** Leases that could not be renewed. */
  readonly errors: readonly unknown[];
  readonly left: (state: SqliteState) => Promise<readonly string[]>;
};

const namesOf = (all: readonly Owed[]) =>
  all.map((one) => (one.type === "message" ? one.message.id : "timer"));

const scenario = (name: string, run: (world: World) => Promise<void>) =>
  test(name, async () => {
    const { directory, remove } = await createTemporaryDirectory();
    const file = `${directory}/state.db`;
    const opened: SqliteState[] = [];
    const errors: unknown[] = [];
    let nowMs = 0;
    const clock = { nowMs: () => nowMs, sleep: () => Promise.reject(new Error("unused")) };
    try {
      await run({
        file,
        errors,
        async open(checkpointEvery = 3) {
          const state = await openSqliteState(file, {
            clock,
            runnerId: "runner",
            owedTo,
            checkpointEvery,
            onError: (error) => void errors.push(error),
          });
          opened.push(state);
          return state;
        },
        wait: (ms) => {
          nowMs += ms;
        },
        async left(state) {
          return namesOf(await state.journal.adopt(100));
        },
      });
    } finally {
      for (const state of opened) await state.close();
      await remove();
    }
  });

describe("work of other runners", () => {
  scenario("is left alone while they live, and taken over when they close", async (world) => {
    const [one, two] = [await world.open(), await world.open()];
    await one.journal.record(sends("a"));
    expect(await world.left(two)).toEqual([]);
    await one.close();
    expect(await world.left(two)).toEqual(["a"]);
    expect(await world.left(two)).toEqual([]);
  });

  scenario("is taken over when their lease has run out", async (world) => {
    const [one, two] = [await world.open(), await world.open()];
    await one.journal.record(sends("a"));
    world.wait(9_999);
    expect(await world.left(two)).toEqual([]);
    world.wait(1);
    expect(await world.left(two)).toEqual(["a"]);
  });

  scenario("is taken over as well when the clock was set back an hour", async (world) => {
    world.wait(3_600_000);
    const [one, two] = [await world.open(), await world.open()];
    await one.journal.record(sends("a"));
    world.wait(-5_000); // as clocks are corrected
    expect(await world.left(two)).toEqual([]);
    world.wait(-3_600_000);
    expect(await world.left(two)).toEqual(["a"]);
  });

  scenario("is left alone for as long as they live, however long", async (world) => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const [one, two] = [await world.open(), await world.open()];
    await one.journal.record(sends("a"));
    for (let seconds = 0; seconds < 60; seconds += 3) {
      world.wait(3_000);
      vi.advanceTimersByTime(3_000);
      expect(await world.left(two)).toEqual([]);
    }
    await one.close();
    expect(await world.left(two)).toEqual(["a"]);
    // A runner that left is not restored.
    vi.advanceTimersByTime(60_000);
    const database = new Libsql(world.file);
    expect(database.prepare("SELECT count(*) FROM runner").pluck().all([])[0]).toBe(1);
    database.close();
    expect(world.errors).toEqual([]);
  });

  scenario("is not lost to a lease that could not be renewed", async (world) => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const one = await world.open();
    await one.journal.record(sends("a"));
    const other = new Libsql(world.file);
    other.exec("BEGIN IMMEDIATE");
    vi.advanceTimersByTime(3_000);
    expect(world.errors).toMatchObject([{ code: "E_STATE_BUSY" }]);
    other.exec("ROLLBACK");
    other.close();
    world.wait(9_000);
    vi.advanceTimersByTime(3_000);
    world.wait(9_000);
    expect(await world.left(await world.open())).toEqual([]);
  });

  scenario("is taken over whole, however much they recorded since a checkpoint", async (world) => {
    const one = await world.open(10_000);
    const ids = Array.from({ length: 2_500 }, (_, index) => `m${index}`);
    await Promise.all(ids.map((id) => one.journal.record(sends(id))));
    world.wait(10_000);
    const two = await world.open();
    const found: string[] = [];
    for (let page = await world.left(two); page.length > 0; page = await world.left(two))
      found.push(...page);
    expect(found).toEqual(ids);
  });

  const asProcess = (file: string, change: (identity: string) => string) => {
    const database = new Libsql(file);
    const [identity] = database.prepare("SELECT process FROM runner").pluck().all([]);
    database.prepare("UPDATE runner SET process = ?").run([change(String(identity))]);
    database.close();
  };
  const linux = process.platform === "linux";

  scenario("is taken over at once when their process is certainly gone", async (world) => {
    const one = await world.open();
    await one.journal.record(sends("a"));
    asProcess(world.file, (own) => own.replace(/ \d+ (\d+)$/, ` ${2 ** 31 - 1} $1`));
    expect(await world.left(await world.open())).toEqual(linux ? ["a"] : []);
  });

  scenario("is taken over at once when another process has its number", async (world) => {
    const one = await world.open();
    await one.journal.record(sends("a"));
    asProcess(world.file, (own) => own.replace(/ \d+$/, " 1"));
    expect(await world.left(await world.open())).toEqual(linux ? ["a"] : []);
  });

  for (const [where, change] of [
    ["another boot or host", (own: string) => own.replace(/^\S+/, "elsewhere")],
    ["another container", (own: string) => own.replace(/pid:\[\d+\]/, "pid:[1]")],
  ] as const)
    scenario(`is not judged by a process number of ${where}`, async (world) => {
      const one = await world.open();
      await one.journal.record(sends("a"));
      asProcess(world.file, (own) => change(own).replace(/ \d+$/, " 1"));
      const two = await world.open();
      expect(await world.left(two)).toEqual([]);
      world.wait(10_000);
      expect(await world.left(two)).toEqual(["a"]);
    });

  scenario("goes to one of two that start", async (world) => {
    const one = await world.open();
    for (const id of ["a", "b", "c", "d"]) await one.journal.record(sends(id));
    await one.close();
    const [two, three] = [await world.open(), await world.open()];
    const both = await Promise.all([world.left(two), world.left(three)]);
    expect(both.flat()).toEqual(["a", "b", "c", "d"]);
    expect(both.map(({ length }) => length)).toContain(0);
  });

  scenario("that a suspended runner goes on with is recorded once", async (world) => {
    const [one, two] = [await world.open(), await world.open()];
    await one.journal.record(sends("a"));
    world.wait(10_000);
    expect(await world.left(two)).toEqual(["a"]);
    const done = sampleEntry({ consumer: "svc-b", message: sampleMessage({ id: "a" }) });
    expect(await one.journal.record(done)).toEqual({ outcome: "recorded" });
    expect(await two.journal.record(done)).toMatchObject({ outcome: "duplicate" });
    await one.journal.record(sends("late"));
    expect(await world.left(two)).toEqual(["late"]);
  });

  scenario("goes from heir to heir, wherever the one before had come", async (world) => {
    const one = await world.open();
    for (const id of ["a", "b", "c", "d", "e"]) await one.journal.record(sends(id));
    world.wait(10_000);
    const two = await world.open();
    expect(namesOf(await two.journal.adopt(6))).toEqual(["a", "b"]);
    await two.journal.record(sends("f"));
    world.wait(10_000);
    const three = await world.open();
    expect(await world.left(three)).toEqual(["a", "b", "c", "d", "e", "f"]);
    await three.close();
    expect(await world.left(await world.open())).toEqual(["a", "b", "c", "d", "e", "f"]);
  });

  scenario("that a transport did not take is the heir's to send", async (world) => {
    const one = await world.open();
    for (const id of ["a", "b", "c"]) await one.journal.record(sends(id));
    await one.close();
    const two = await world.open();
    const page = await two.journal.adopt(100);
    await two.journal.record(sends("d"));
    two.journal.sent(
      page.flatMap((owed) => (owed.type === "message" ? [owed.message] : [])).slice(1, 2),
    );
    const { messages } = await two.journal.unsent({ after: null, limit: 10 });
    expect(messages.map(({ id }) => id)).toEqual(["a", "c", "d"]);
  });

  scenario("of one that was suspended is its own again once it goes on", async (world) => {
    const [one, two] = [await world.open(), await world.open()];
    await one.journal.record(sends("a"));
    world.wait(10_000);
    expect(await world.left(two)).toEqual(["a"]);
    await one.journal.record(sends("b"));
    const unsentOf = async ({ journal }: SqliteState) =>
      (await journal.unsent({ after: null, limit: 10 })).messages.map(({ id }) => id);
    expect(await unsentOf(one)).toEqual(["b"]);
    expect(await unsentOf(two)).toEqual(["a"]);
    // Gone for good: what it had recorded since then is adopted too, and nothing twice.
    expect(await world.left(two)).toEqual(["b"]);
    expect(await unsentOf(two)).toEqual(["a", "b"]);
    expect(await world.left(two)).toEqual([]);
  });

  scenario("leaves no trace when it is done", async (world) => {
    const one = await world.open();
    await one.journal.record(sends("a"));
    await one.close();
    const two = await world.open();
    expect(await world.left(two)).toEqual(["a"]);
    await two.journal.record(
      sampleEntry({ consumer: "svc-b", message: sampleMessage({ id: "a" }) }),
    );
    await two.journal.record(sends("b"));
    await two.close();
    const three = await world.open();
    expect(await world.left(three)).toEqual(["b"]);
    const database = new Libsql(world.file);
    expect(database.prepare("SELECT count(*) FROM inherited").pluck().all([])[0]).toBe(1);
    database.close();
  });

  scenario("that others finish meanwhile is not found again", async (world) => {
    const [one, two] = [await world.open(), await world.open()];
    for (const state of [one, two]) expect(await world.left(state)).toEqual([]);
    for (const id of ["a", "b", "c", "d", "e"]) await one.journal.record(sends(id));
    for (const id of ["a", "b", "d"])
      await two.journal.record(sampleEntry({ consumer: "svc-b", message: sampleMessage({ id }) }));
    await one.close();
    await two.close();
    expect(await world.left(await world.open())).toEqual(["c", "e"]);
  });
});

test("what a restart has to read again is bounded, without anybody asking for it", async () => {
  const { directory, remove } = await createTemporaryDirectory();
  onTestFinished(remove);
  const clock = { nowMs: () => 0, sleep: () => Promise.reject(new Error("unused")) };
  const file = `${directory}/state.db`;
  const state = await openSqliteState(file, { clock, runnerId: "r", owedTo, checkpointEvery: 10 });
  const database = new Libsql(file);
  const behind = database
    .prepare("SELECT count(*) FROM entry, checkpoint WHERE entry.seq > checkpoint.seq")
    .pluck();
  for (let index = 0; index < 35; index += 1) {
    await state.journal.record(sends(`m${index}`));
    expect(behind.all([])[0]).toBeLessThanOrEqual(10);
  }
  database.close();
  await state.close();
});

describe("a run that finished everything", () => {
  scenario("leaves nothing to look at", async (world) => {
    const one = await world.open();
    await world.left(one);
    for (let index = 0; index < 20; index += 1) {
      await one.journal.record(sends(`m${index}`));
      await one.journal.record(
        sampleEntry({ consumer: "svc-b", message: sampleMessage({ id: `m${index}` }) }),
      );
    }
    await one.close();
    const database = new Libsql(world.file);
    const count = (sql: string) => database.prepare(sql).pluck().all([])[0];
    expect(count("SELECT count(*) FROM entry")).toBe(40);
    expect(count("SELECT count(*) FROM entry, checkpoint WHERE entry.seq > checkpoint.seq")).toBe(
      0,
    );
    expect(count("SELECT count(*) FROM pending")).toBe(0);
    expect(count("SELECT count(*) FROM runner")).toBe(0);
    database.close();
    expect(await world.left(await world.open())).toEqual([]);
  });

  scenario("or only looked has left no trace of itself", async (world) => {
    const one = await world.open();
    expect(await one.journal.history("flow-1")).toEqual([]);
    const database = new Libsql(world.file);
    expect(database.prepare("SELECT count(*) FROM runner").pluck().all([])[0]).toBe(0);
    database.close();
  });
});
