import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createWaitingLine } from "./waiting-line.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function terminal(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, columns: 40, written, write: (text: string) => written.push(text) };
}

test("a wait that lasts is said with its time, and removed before the next line", () => {
  const screen = terminal(true);
  const line = createWaitingLine(screen, () => Date.now());
  line.say("starting");
  vi.advanceTimersByTime(200);
  expect(screen.written).toEqual([]);
  vi.advanceTimersByTime(300);
  expect(screen.written.at(-1)).toContain("starting  0.5 s");
  line.clear();
  expect(screen.written.at(-1)).toBe("\r\u001b[K");
  line.close();
  const count = screen.written.length;
  vi.advanceTimersByTime(1000);
  expect(screen.written).toHaveLength(count);
});

test("it never wraps", () => {
  const screen = terminal(true);
  const line = createWaitingLine(screen, () => Date.now());
  line.say("x".repeat(100));
  vi.advanceTimersByTime(1000);
  expect(screen.written.at(-1)?.replace("\r", "").replace("\u001b[K", "").length).toBe(39);
  line.close();
});

test("a pipe sees nothing of it", () => {
  const screen = terminal(false);
  const line = createWaitingLine(screen, () => Date.now());
  line.say("starting");
  vi.advanceTimersByTime(5000);
  line.close();
  expect(screen.written).toEqual([]);
});
