import { expect, test } from "vitest";
import { createLanes } from "./lanes.ts";

const settled = () => new Promise((resolve) => setTimeout(resolve, 1));

/** Work that ends on command. */
function createWork() {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const work = (name: string) => () => {
    begun.push(name);
    return new Promise<string>((resolve) => ends.set(name, () => resolve(name)));
  };
  const end = async (name: string) => {
    ends.get(name)?.();
    await settled();
  };
  return { begun, work, end };
}

test("work in a lane is sequential, and lanes do not wait for each other", async () => {
  const { begun, end, work } = createWork();
  const lanes = createLanes(9);
  const first = lanes.run("a", work("a1"));
  void lanes.run("a", work("a2"));
  void lanes.run("b", work("b1"));
  await settled();
  expect(begun).toEqual(["a1", "b1"]);
  await end("a1");
  expect(await first).toBe("a1");
  expect(begun).toEqual(["a1", "b1", "a2"]);
  // Behind one that is still running, even though its predecessor has finished.
  void lanes.run("a", work("a3"));
  await settled();
  expect(begun).toEqual(["a1", "b1", "a2"]);
  await end("a2");
  expect(begun).toEqual(["a1", "b1", "a2", "a3"]);
});

test("the total is limited, and the longest waiting is next", async () => {
  const { begun, end, work } = createWork();
  const lanes = createLanes(2);
  for (const name of ["a", "b", "c", "d"]) void lanes.run(name, work(name));
  await settled();
  expect(begun).toEqual(["a", "b"]);
  await end("b");
  expect(begun).toEqual(["a", "b", "c"]);
  await end("a");
  expect(begun).toEqual(["a", "b", "c", "d"]);
});

test("the next of a lane waits for room like any other", async () => {
  const { begun, end, work } = createWork();
  const lanes = createLanes(1);
  for (const name of ["a1", "a2"]) void lanes.run("a", work(name));
  void lanes.run("b", work("b"));
  await end("a1");
  expect(begun).toEqual(["a1", "b"]);
  await end("b");
  expect(begun).toEqual(["a1", "b", "a2"]);
});
