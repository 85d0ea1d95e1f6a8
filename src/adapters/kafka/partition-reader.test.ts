import { expect, test } from "vitest";
import { createPartitionReader } from "./partition-reader.ts";

const record = { topic: "t", key: null, headers: [], body: null };
const reader = () => createPartitionReader({ topic: "t", partition: 0, window: 2, nowMs: () => 0 });
const fetched = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, at) => ({ offset: from + at, record }));
const offsets = (flights: readonly { readonly offset: number }[]) =>
  flights.map(({ offset }) => offset);

test("records are delivered in order, as many as the window allows, across any number of fetches", () => {
  const reading = reader();
  reading.feed(fetched(0, 3), 3, 5);
  const [first, second] = reading.take();
  expect([first?.offset, second?.offset]).toEqual([0, 1]);
  reading.feed(fetched(3, 5), 5, 5);
  expect(reading.take()).toEqual([]);
  if (first !== undefined) reading.done(first);
  expect(offsets(reading.take())).toEqual([2]);
  expect(reading.committable()).toBe(1);
  if (second !== undefined) reading.done(second);
  expect(offsets(reading.take())).toEqual([3]);
  expect(reading.committable()).toBe(2);
});

test("the next fetch begins while another window is left of the last one, so that nobody waits for it", () => {
  const reading = reader();
  reading.feed(fetched(0, 5), 5, 5);
  const [first] = reading.take();
  expect(reading.isFull()).toBe(true);
  if (first !== undefined) reading.done(first);
  reading.take();
  expect(reading.isFull()).toBe(false);
});

test("what was compacted away at the end is committed behind the last record", () => {
  const reading = reader();
  reading.feed(fetched(0, 1), 4, 4);
  for (const flight of reading.take()) reading.done(flight);
  expect([reading.committable(), reading.idleAt(), reading.lag()]).toEqual([4, 4, 0]);
});
