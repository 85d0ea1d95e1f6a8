import { expect, test } from "vitest";
import { inScope } from "./scope.ts";

test("closes in reverse order, including resources opened meanwhile", async () => {
  const closed: string[] = [];
  const opened = (name: string) => ({ close: () => void closed.push(name) });
  const pipeline = await inScope(async (scope) => {
    scope.use(opened("state"));
    scope.defer(() => {
      closed.push("relay");
      scope.use(opened("late"));
    });
    return { answer: 42 };
  });
  expect(pipeline.answer).toBe(42);
  await pipeline.close();
  expect(closed).toEqual(["relay", "state", "late"]);
  await pipeline.close();
  expect(closed).toHaveLength(3);
});

test("what was opened is closed when the next one fails to open", async () => {
  const closed: string[] = [];
  const opening = inScope(async (scope) => {
    scope.use({ close: async () => void closed.push("state") });
    throw new Error("no port is free");
  });
  await expect(opening).rejects.toThrow("no port is free");
  expect(closed).toEqual(["state"]);
});

test("a resource that fails to close keeps no other open, and is reported", async () => {
  const closed: string[] = [];
  const { close } = await inScope(async (scope) => {
    scope.use({ close: () => void closed.push("state") });
    scope.defer(() => Promise.reject(new Error("busy")));
    return {};
  });
  await expect(close()).rejects.toThrow("busy");
  expect(closed).toEqual(["state"]);
});
