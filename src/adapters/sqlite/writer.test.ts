import { expect, test } from "vitest";
import { TuError } from "../../pipeline/errors.ts";
import { createWriter } from "./writer.ts";

type Fault = () => Error | undefined;

/** A writer whose turns are run by hand, on a file that holds values. */
function writerByTurns({ failBegin, failCommit }: { failBegin?: Fault; failCommit?: Fault } = {}) {
  const commits: number[] = [];
  const turns: (() => void)[] = [];
  const every = new Set<() => void>();
  let file: readonly unknown[] = [];
  let open: unknown[] | null = null;
  let end: () => void = () => undefined;
  const database = {
    begin(onNeeded: () => void) {
      const error = failBegin?.();
      if (error !== undefined) throw error;
      if (open !== null) throw new Error("a transaction within a transaction");
      open = [];
      end = onNeeded;
    },
    commit() {
      const error = failCommit?.();
      if (error !== undefined) throw error;
      commits.push(open?.length ?? Number.NaN);
      file = [...file, ...(open ?? [])];
      open = null;
    },
    rollback() {
      open = null;
    },
  };
  const writer = createWriter(database, {
    next: (work) => void turns.push(work),
    every(_ms, work) {
      every.add(work);
      return () => void every.delete(work);
    },
  });
  const change =
    <T>(value: T) =>
    () => {
      if (open === null) throw new Error("a change outside of a transaction");
      open.push(value);
      return value;
    };
  return {
    ...{ commits, every, turns, writer },
    write: (value: number) => writer.write(change(value)),
    accept: (value: unknown, afterCommit?: () => void) => writer.accept(change(value), afterCommit),
    file: () => file,
    /** What another transaction of this process does first. */
    end: () => end(),
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

test("a failing commit fails all its writes, and the next one continues", async () => {
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

test("an accepted change resolves at once, and is on disk with the next commit, before waiting writes", async () => {
  const { accept, commits, file, turn, turns, write } = writerByTurns();
  const writing = write(2);
  expect(await accept(1)).toBe(1);
  expect([file(), turns.length]).toEqual([[], 1]);
  turn();
  await writing;
  expect([file(), commits]).toEqual([[1, 2], [2]]);
});

test("after a commit, the follow-ups of accepted changes run first, then those waiting for the disk", async () => {
  const { accept, turn, writer } = writerByTurns();
  const seen: string[] = [];
  await accept("a value", () => seen.push("after"));
  const durable = writer.durable().then(() => seen.push("durable"));
  expect(seen).toEqual([]);
  turn();
  await durable;
  expect(seen).toEqual(["after", "durable"]);
  await writer.durable(); // nothing is waited for
});

test("of a commit that fails, what was accepted is made again in its order, before anything else", async () => {
  let error: Error | undefined = new TuError("E_STATE_FULL", "no space left");
  const { accept, file, turn, write, writer } = writerByTurns({ failCommit: () => error });
  const after: number[] = [];
  await accept(1, () => after.push(1));
  await accept(2, () => after.push(2));
  const writing = expect(write(3)).rejects.toBe(error);
  const durable = expect(writer.durable()).rejects.toBe(error);
  turn();
  await Promise.all([writing, durable]);
  await expect(accept(4)).rejects.toBe(error);
  expect([file(), after]).toEqual([[], []]);
  error = undefined;
  const [last, heard] = [write(5), writer.durable()];
  turn();
  await Promise.all([last, heard]);
  expect([file(), after]).toEqual([
    [1, 2, 5],
    [1, 2],
  ]);
  expect(await accept(6)).toBe(6);
});

test("a commit of what was accepted is tried again by itself, until it succeeds", async () => {
  let error: Error | undefined = new TuError("E_STATE_FULL", "no space left");
  const { accept, every, file, turn } = writerByTurns({ failCommit: () => error });
  await accept(1);
  turn();
  for (const again of every) again();
  expect([file(), every.size]).toEqual([[], 1]);
  error = undefined;
  for (const again of every) again();
  expect([file(), every.size]).toEqual([[1], 0]);
});

test("after a stop there are no retries", async () => {
  const { accept, every, turn, writer } = writerByTurns({ failCommit: () => new Error("broken") });
  await accept(1);
  turn();
  writer.stop();
  expect(every.size).toBe(0);
});

test("a file that takes no transaction takes nothing of what was accepted before", async () => {
  let error: Error | undefined;
  const { accept, file, turn } = writerByTurns({ failBegin: () => error });
  await accept(1);
  turn();
  error = new TuError("E_STATE_BUSY", "locked");
  await expect(accept(2)).rejects.toBe(error);
  error = undefined;
  await accept(3);
  turn();
  expect(file()).toEqual([1, 3]);
});

test("a file that is full in the middle takes what was accepted back until the next commit", async () => {
  const { accept, file, turn, writer } = writerByTurns();
  const full = new TuError("E_STATE_FULL", "no space left");
  await accept(1);
  const failing = writer.accept(() => {
    throw full;
  });
  await expect(failing).rejects.toBe(full);
  turn();
  expect(file()).toEqual([1]);
});

test("a change that is a mistake is alone with it when it is accepted, too", async () => {
  const { accept, file, turn, writer } = writerByTurns();
  await accept(1);
  const mistake = new Error("not JSON");
  const failing = writer.accept(() => {
    throw mistake;
  });
  await expect(failing).rejects.toBe(mistake);
  await accept(2);
  turn();
  expect(file()).toEqual([1, 2]);
});

test("a mistake that comes first leaves no transaction open", async () => {
  const { accept, commits, turn, writer } = writerByTurns();
  const failing = writer.accept(() => {
    throw new Error("not JSON");
  });
  await expect(failing).rejects.toThrow("not JSON");
  turn();
  await accept(1);
  turn();
  expect(commits).toEqual([0, 1]);
});

test("another transaction of this process finds what was accepted committed", async () => {
  const { accept, end, file, turn, commits } = writerByTurns();
  await accept(1);
  end();
  expect(file()).toEqual([1]);
  turn();
  expect(commits).toEqual([1]);
});

test("a turn takes so much, and the rest in the next one", async () => {
  const { accept, file, turn } = writerByTurns();
  const all = Array.from({ length: 300 }, (_, at) => accept(at));
  await Promise.all(all.slice(0, 128));
  turn();
  expect(file()).toHaveLength(128);
  await Promise.all(all.slice(128, 256));
  turn();
  expect(file()).toHaveLength(256);
  await Promise.all(all);
  turn();
  expect(file()).toEqual(Array.from({ length: 300 }, (_, at) => at));
});

test("told to commit, it throws when what was accepted cannot be", async () => {
  let error: Error | undefined = new TuError("E_STATE_FULL", "no space left");
  const { accept, file, writer } = writerByTurns({ failCommit: () => error });
  await accept(1);
  expect(() => writer.flush()).toThrow("no space left");
  error = undefined;
  writer.flush();
  expect(file()).toEqual([1]);
});
