import fc from "fast-check";
import { expect, test } from "vitest";
import { sampleSeenFlow } from "../../adapters/testing/flow-store-contract.ts";
import { combined, type SeenFlow } from "./seen-flow.ts";

const text = fc.constantFrom("a", null);
const observation = (atMs: number): fc.Arbitrary<SeenFlow> =>
  fc
    .record({
      objectKey: text,
      hasArrived: fc.boolean(),
      picture: text,
      machineId: text,
      attempts: fc.integer({ min: 1, max: 3 }),
      notices: fc.integer({ min: 0, max: 2 }),
      seenAt: fc.subarray(["a", "b", "c"]),
      status: fc.constantFrom("running", "completed", "failed"),
    })
    .map(({ hasArrived, ...values }) =>
      sampleSeenFlow({
        ...{ ...values, startedAtMs: atMs, lastAtMs: atMs },
        last: hasArrived ? { name: `n${atMs}`, from: "a", to: "b", atMs } : null,
        endedAtMs: values.status === "running" ? null : atMs,
      }),
    );
const three = fc
  .tuple(observation(1), observation(2), observation(3))
  .chain((all) => fc.shuffledSubarray(all, { minLength: 3, maxLength: 3 }));

test("it does not matter in which order or groups observations are combined", () => {
  fc.assert(
    fc.property(three, ([a, b, c]) => {
      if (a === undefined || b === undefined || c === undefined) throw new Error("three");
      const one = combined(combined(a, b), c);
      expect(combined(a, combined(b, c))).toEqual(one);
      expect(combined(combined(c, a), b)).toEqual(one);
    }),
  );
});

test("the first end counts, with its failure", () => {
  const failure = { step: "s", code: "E_X", reason: "r" };
  const failed = sampleSeenFlow({ status: "failed", endedAtMs: 5, lastAtMs: 5, failure });
  const completed = sampleSeenFlow({ status: "completed", endedAtMs: 9, lastAtMs: 9 });
  expect(combined(completed, failed)).toMatchObject({ status: "failed", endedAtMs: 5, failure });
});

test("what is known stays known, and the latest arrival is the last", () => {
  const last = { name: "n", from: "a", to: "b", atMs: 7 };
  const early = sampleSeenFlow({ picture: "a.jpg", lastAtMs: 1, startedAtMs: 1 });
  const late = sampleSeenFlow({ last, lastAtMs: 7, startedAtMs: 7, attempts: 3 });
  expect(combined(late, early)).toMatchObject({
    ...{ picture: "a.jpg", last, startedAtMs: 1, lastAtMs: 7, attempts: 3, status: "running" },
  });
});
