import { expect, test } from "vitest";
import { aborted } from "../or-aborted.ts";
import { createStopping } from "./stopping.ts";

test("a stop ends everything that runs, with one reason, each by a signal of its own", async () => {
  const stopping = createStopping();
  const signals: AbortSignal[] = [];
  const running = ["a", "b"].map(() =>
    stopping.during((signal) => {
      signals.push(signal);
      return aborted(signal);
    }),
  );
  stopping.stop();
  const { reason } = stopping.signal;
  expect(reason).toBeInstanceOf(Error);
  expect(await Promise.all(running)).toEqual([reason, reason]);
  expect(new Set([...signals, stopping.signal]).size).toBe(3);
});

test("what begins after the stop is aborted from its beginning", async () => {
  const stopping = createStopping();
  stopping.stop();
  const reason = await stopping.during(async (signal) => signal.aborted && signal.reason);
  expect(reason).toBe(stopping.signal.reason);
});

test("what has ended is not aborted any more", async () => {
  const stopping = createStopping();
  const signal = await stopping.during(async (own) => own);
  stopping.stop();
  expect(signal.aborted).toBe(false);
});
