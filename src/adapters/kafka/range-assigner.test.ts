import { expect, test } from "vitest";
import { rangesOf } from "./range-assigner.ts";

const partitions = (count: number) => Array.from({ length: count }, (_, index) => index);

test("each topic is cut into runs, and the first members take what is over", () => {
  const topics = new Map([
    ["b", ["t"]],
    ["a", ["t"]],
    ["c", ["t"]],
  ]);
  expect([...rangesOf(topics, () => partitions(7))]).toEqual([
    ["a", { t: [0, 1, 2] }],
    ["b", { t: [3, 4] }],
    ["c", { t: [5, 6] }],
  ]);
});

test("a topic goes to those who subscribed to it, and some get nothing", () => {
  const topics = new Map([
    ["a", ["t"]],
    ["b", ["t", "u"]],
    ["c", ["t"]],
  ]);
  expect([...rangesOf(topics, (topic) => partitions(topic === "t" ? 2 : 1))]).toEqual([
    ["a", { t: [0] }],
    ["b", { t: [1], u: [0] }],
    ["c", {}],
  ]);
});
