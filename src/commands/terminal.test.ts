import { afterEach, expect, test } from "vitest";
import { columns, paintFor } from "./terminal.ts";

const streams = ["stdout", "stderr"] as const;
const before = {
  stdout: Object.getOwnPropertyDescriptor(process.stdout, "isTTY"),
  stderr: Object.getOwnPropertyDescriptor(process.stderr, "isTTY"),
  env: { ...process.env },
};
afterEach(() => {
  for (const stream of streams) {
    const had = before[stream];
    if (had === undefined) Reflect.deleteProperty(process[stream], "isTTY");
    else Object.defineProperty(process[stream], "isTTY", had);
  }
  process.env = { ...before.env };
});

function terminals(stdout: boolean, stderr: boolean, env: Record<string, string> = {}): void {
  Object.defineProperty(process.stdout, "isTTY", { value: stdout, configurable: true });
  Object.defineProperty(process.stderr, "isTTY", { value: stderr, configurable: true });
  const { NO_COLOR: _, ...rest } = before.env;
  process.env = { ...rest, TERM: "xterm", ...env };
}
const isColoured = (stream: "stdout" | "stderr", when?: "auto" | "always" | "never") =>
  paintFor(stream, when)("red", "x") !== "x";
const decided = (when?: "auto" | "always" | "never") =>
  streams.map((stream) => isColoured(stream, when));

test("each stream has colours where it is a terminal", () => {
  terminals(true, false);
  expect(decided()).toEqual([true, false]);
  terminals(false, true);
  expect(decided("auto")).toEqual([false, true]);
});

test("what the user says goes before what the stream is", () => {
  terminals(true, true);
  expect(decided("never")).toEqual([false, false]);
  terminals(false, false, { NO_COLOR: "1" });
  expect(decided("always")).toEqual([true, true]);
});

test("NO_COLOR and a dumb terminal have none; an empty NO_COLOR says nothing", () => {
  terminals(true, true, { NO_COLOR: "1" });
  expect(decided()).toEqual([false, false]);
  terminals(true, true, { TERM: "dumb" });
  expect(decided()).toEqual([false, false]);
  terminals(true, true, { NO_COLOR: "" });
  expect(decided()).toEqual([true, true]);
});

test("columns are counted on a terminal alone", () => {
  terminals(false, true);
  expect(columns()).toBe(Number.POSITIVE_INFINITY);
});
