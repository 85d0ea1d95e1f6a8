import { describe, expect, test } from "vitest";
import { sampleMessage } from "../testing/samples.ts";
import { timersContract } from "../testing/timers-contract.ts";
import { createManualClock, createSystemClock } from "./clock.ts";
import { createMemoryTimers } from "./timers.ts";

describe("memory timers", () => {
  timersContract(() => {
    const clock = createManualClock(1_000_000);
    const timers = createMemoryTimers(clock, { onError: () => {} });
    return { timers, nowMs: clock.nowMs, advance: clock.advance, close: () => timers.close() };
  });

  const timer = (id: string, dueAtMs: number) => ({
    message: sampleMessage({ id, flowId: `flow of ${id}` }),
    dueAtMs,
    owner: "o",
  });

  test("one sleep serves all timers, and none is left when the last flow is cancelled", async () => {
    const clock = createManualClock(0);
    const timers = createMemoryTimers(clock);
    for (let index = 0; index < 500; index += 1) timers.schedule(timer(`${index}`, 1000 + index));
    expect(clock.nextDueMs()).toBe(1000);
    for (let index = 0; index < 500; index += 1) timers.cancelFlow(`flow of ${index}`);
    expect(clock.nextDueMs()).toBeNull();
  });

  test.each([3_600_000, -3_600_000])("a clock that is set by %i ms changes no wait", async (ms) => {
    const clock = createManualClock(10_000_000);
    const timers = createMemoryTimers(clock);
    const fired: string[] = [];
    timers.consume("o", async ({ message: { id } }) => void fired.push(id));
    for (const [id, afterMs] of [
      ["a", 1000],
      ["b", 3000],
    ] as const)
      timers.schedule(timer(id, clock.nowMs() + afterMs));
    await clock.advance(500);
    clock.jump(ms);
    timers.schedule(timer("c", clock.nowMs() + 1500));
    await clock.advance(499);
    expect(fired).toEqual([]);
    await clock.advance(1);
    expect(fired).toEqual(["a"]);
    await clock.advance(1000);
    expect(fired).toEqual(["a", "c"]);
    clock.jump(-ms);
    await clock.advance(1000);
    expect(fired).toEqual(["a", "c", "b"]);
    expect(clock.nextDueMs()).toBeNull();
  });

  test("a rejected handler is reported", async () => {
    const clock = createManualClock(0);
    const failures: string[] = [];
    const timers = createMemoryTimers(clock, { onError: (_, where) => failures.push(where) });
    timers.consume("o", () => Promise.reject(new Error("broke")));
    timers.schedule(timer("a", 10));
    await clock.advance(10);
    expect(failures).toEqual(["timer sample of o"]);
    timers.close();
    expect(clock.nextDueMs()).toBeNull();
  });

  test("it works with the clock on the wall", async () => {
    const timers = createMemoryTimers(createSystemClock());
    const fired = new Promise((resolve) => {
      timers.consume("o", async ({ message }) => resolve(message.id));
    });
    timers.schedule(timer("far", Date.now() + 1e12));
    timers.schedule(timer("near", Date.now() + 5));
    expect(await fired).toBe("near");
    timers.close();
  });
});
