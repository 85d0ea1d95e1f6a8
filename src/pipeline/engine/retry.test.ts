import { describe, expect, test } from "vitest";
import { sha256 } from "../../adapters/memory/ids.ts";
import { Retry } from "./definition.ts";
import { retryDelayMs } from "./retry.ts";

const retryOf = (backoff: Partial<Retry["backoff"]>): Retry =>
  Retry.parse({ backoff: { initial_delay: "1s", max_delay: "10s", ...backoff } });
const delays = (retry: Retry, seed = "m1") =>
  [1, 2, 3, 4, 5, 6].map((attempt) => retryDelayMs(retry, attempt, seed));

describe("the wait before another attempt", () => {
  test("doubles with each failure and never exceeds max_delay", () => {
    expect(delays(retryOf({}))).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
  });
  test("stays the same when it is fixed, and within max_delay", () => {
    expect(delays(retryOf({ type: "fixed" }))).toEqual(Array.from({ length: 6 }, () => 1000));
    expect(retryDelayMs(retryOf({ type: "fixed", max_delay: "300ms" }), 1, "m1")).toBe(300);
  });
  test("is as long as it is written, where its longest is", () => {
    const retry = retryOf({ initial_delay: "2s", max_delay: "1m" });
    expect(retryDelayMs(retry, 1, "m1")).toBe(2000);
    expect(retryDelayMs(retry, 10, "m1")).toBe(60_000);
  });
});

describe("jitter", () => {
  const seeds = Array.from({ length: 400 }, (_, index) => sha256(Uint8Array.of(index, index >> 8)));
  const waits = (jitter: number) => seeds.map((seed) => retryDelayMs(retryOf({ jitter }), 1, seed));

  test("takes away up to its part, spread over all of it", () => {
    const some = waits(0.5);
    expect(Math.min(...some)).toBeGreaterThanOrEqual(500);
    expect(Math.max(...some)).toBeLessThanOrEqual(1000);
    expect(Math.min(...some)).toBeLessThan(550);
    expect(Math.max(...some)).toBeGreaterThan(950);
    const mean = some.reduce((sum, ms) => sum + ms, 0) / some.length;
    expect(Math.abs(mean - 750)).toBeLessThan(30);
    expect(new Set(some).size).toBeGreaterThan(200);
  });
  test("takes away nothing where there is none", () => {
    expect(new Set(waits(0))).toEqual(new Set([1000]));
  });
  test("is the same for the same cause, and told apart by every letter of it", () => {
    expect(waits(1)).toEqual(waits(1));
    const retry = retryOf({ jitter: 1, initial_delay: "10s" });
    const one = ["abc", "bbc", "acc", "abd", "ab"].map((seed) => retryDelayMs(retry, 1, seed));
    expect(new Set(one).size).toBe(5);
  });
});
