import { describe, expect, test } from "vitest";
import { createManualClock, createSystemClock } from "./clock.ts";

describe("system clock", () => {
  test("sleeps, and an abort ends a sleep with its reason", async () => {
    const clock = createSystemClock();
    const before = clock.nowMs();
    await clock.sleep(5);
    expect(clock.nowMs() - before).toBeGreaterThanOrEqual(4);
    const abort = new AbortController();
    const sleeping = clock.sleep(1e12, abort.signal);
    abort.abort(new Error("enough"));
    await expect(sleeping).rejects.toThrow("enough");
    await expect(clock.sleep(1, abort.signal)).rejects.toThrow("enough");
  });
});

describe("manual clock", () => {
  test("stands still until it is advanced and wakes sleepers in order", async () => {
    const clock = createManualClock(100);
    const woken: string[] = [];
    const sleep = (ms: number) =>
      clock.sleep(ms).then(() => void woken.push(`${ms} at ${clock.nowMs()}`));
    const all = [sleep(20), sleep(10).then(() => sleep(5))];
    await clock.advance(9);
    expect(woken).toEqual([]);
    await clock.advance(11);
    await Promise.all(all);
    expect(woken).toEqual(["10 at 110", "5 at 115", "20 at 120"]);
    expect(clock.nowMs()).toBe(120);
  });

  test("an aborted sleeper is forgotten", async () => {
    const clock = createManualClock(0);
    const abort = new AbortController();
    const sleeping = clock.sleep(10, abort.signal);
    abort.abort(new Error("enough"));
    await expect(sleeping).rejects.toThrow("enough");
    expect(clock.nextDueMs()).toBeNull();
  });
});
