import { expect, test } from "vitest";
import { TuError } from "../../pipeline/errors.ts";
import type { Database } from "./database.ts";
import { createWriter } from "./writer.ts";

/** A writer whose turns are taken by hand; `commits` are the sizes of its transactions. */
function writerByTurns(options: { failCommit?: () => Error | undefined } = {}) {
  const commits: number[] = [];
  const turns: (() => void)[] = [];
  let changes = 0;
  // All that it uses of a database.
  const database = {
    transaction<T>(body: () => T): T {
      const before = changes;
      const value = body();
      const error = options.failCommit?.();
      if (error !== undefined) throw error;
      commits.push(changes - before);
      return value;
    },
  } as Database;
  const writer = createWriter(database, {
    next: (work) => void turns.push(work),
    every: () => () => undefined,
  });
  return {
    ...{ commits, turns, writer },
    write: (value: number) =>
      writer.write(() => {
        changes += 1;
        return value;
      }),
    turn: () => turns.shift()?.(),
  };
}

test("what comes in one turn is one commit, and resolves behind it", async () => {
  const { commits, turn, turns, write } = writerByTurns();
  const all = [write(1), write(2), write(3)];
  expect([turns.length, commits]).toEqual([1, []]);
  turn();
  expect(commits).toEqual([3]);
  expect(await Promise.all(all)).toEqual([1, 2, 3]);
  expect(turns).toHaveLength(0);
  const later = write(4);
  expect(turns).toHaveLength(1);
  turn();
  expect(commits).toEqual([3, 1]);
  expect(await later).toBe(4);
});

test("more than fits goes into the commits of further turns, in order", async () => {
  const { commits, turn, turns, write } = writerByTurns();
  const all = Array.from({ length: 2_050 }, (_, at) => write(at));
  for (const size of [[1_024], [1_024, 1_024], [1_024, 1_024, 2]]) {
    expect(turns).toHaveLength(1);
    turn();
    expect(commits).toEqual(size);
  }
  expect(turns).toHaveLength(0);
  expect((await Promise.all(all)).at(-1)).toBe(2_049);
});

test("told to, it commits all of it now, and no empty commit follows", async () => {
  const { commits, turn, write, writer } = writerByTurns();
  const all = Array.from({ length: 1_025 }, (_, at) => write(at));
  writer.flush();
  expect(commits).toEqual([1_024, 1]);
  turn();
  writer.flush();
  expect(commits).toEqual([1_024, 1]);
  expect(await Promise.all(all)).toHaveLength(1_025);
});

test("what follows a commit happens behind it, before anybody hears of it", async () => {
  const { commits, turn, writer } = writerByTurns();
  const seen: unknown[] = [];
  const writing = writer.write(
    () => "a value",
    (value) => seen.push([value, commits.length]),
  );
  void writing.then(() => seen.push("heard"));
  turn();
  await writing;
  expect(seen).toEqual([["a value", 1], "heard"]);
});

test("a change that fails is alone with it", async () => {
  const { commits, turn, write, writer } = writerByTurns();
  const mistake = new Error("not JSON");
  const [one, failing, two] = [
    write(1),
    writer.write(() => {
      throw mistake;
    }),
    write(2),
  ];
  const outcome = expect(failing).rejects.toBe(mistake);
  turn();
  await outcome;
  expect([commits, await one, await two]).toEqual([[2], 1, 2]);
});

test("an error of ours that is not about the file concerns one change too", async () => {
  const { turn, write, writer } = writerByTurns();
  const failing = writer.write(() => {
    throw new TuError("E_BUG", "a mistake");
  });
  const outcome = expect(failing).rejects.toMatchObject({ code: "E_BUG" });
  const other = write(1);
  turn();
  await outcome;
  expect(await other).toBe(1);
});

test("a file that is full while it is written fails all of the commit", async () => {
  const { commits, turn, write, writer } = writerByTurns();
  const full = new TuError("E_STATE_FULL", "no space left");
  const writing = [
    write(1),
    writer.write(() => {
      throw full;
    }),
    write(2),
  ].map((one) => expect(one).rejects.toBe(full));
  turn();
  await Promise.all(writing);
  expect(commits).toEqual([]);
});

test("a commit that fails fails all of it, and the next one goes on", async () => {
  let error: Error | undefined = new TuError("E_STATE_BUSY", "locked");
  const { commits, turn, write } = writerByTurns({ failCommit: () => error });
  const writing = [write(1), write(2)].map((one) => expect(one).rejects.toBe(error));
  turn();
  await Promise.all(writing);
  error = undefined;
  const next = write(3);
  turn();
  expect([commits, await next]).toEqual([[1], 3]);
});
