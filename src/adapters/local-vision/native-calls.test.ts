import { expect, test } from "vitest";
import { createNativeCalls, endCalls, whileCalling } from "./native-calls.ts";

test("none begins after the end", async () => {
  const calls = createNativeCalls();
  expect(await whileCalling(calls, async () => "read")).toBe("read");
  endCalls(calls);
  let isBegun = false;
  const call = whileCalling(calls, async () => {
    isBegun = true;
  });
  await expect(call).rejects.toThrow("the process ends");
  expect(isBegun).toBe(false);
});

test("one that fails is over, too", async () => {
  const calls = createNativeCalls();
  const call = whileCalling(calls, async () => {
    throw new Error("out of memory");
  });
  await expect(call).rejects.toThrow("out of memory");
  endCalls(calls); // would block
});
