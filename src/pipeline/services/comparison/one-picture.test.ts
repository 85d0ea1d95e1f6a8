import { expect, test } from "vitest";
import { createManualClock } from "../../../adapters/memory/clock.ts";
import { createMemoryFingerprints } from "../../../adapters/memory/fingerprints.ts";
import { createRandomIds, sha256 } from "../../../adapters/memory/ids.ts";
import { createMemoryMachines } from "../../../adapters/memory/machines.ts";
import { recognitionExamples } from "../../contracts/recognition.ts";
import type { Message } from "../../message.ts";
import type { Images } from "../../ports/images.ts";
import type { Machines } from "../../ports/machines.ts";
import { createMachineStorage } from "../machine-storage.ts";
import { comparisonWork } from "./comparison.ts";

// Storage determines the identity of a machine: several flows may compare before any of them has stored.

const clock = createManualClock(0);
const signal = new AbortController().signal;
const messageOf = (flowId: string, payload: unknown): Message => ({
  id: `${flowId}/m`,
  name: "test",
  kind: "event",
  flowId,
  causationId: null,
  subject: `images/${flowId}.png`,
  occurredAt: "2026-01-01T00:00:00.000Z",
  producer: "test",
  schema: "test.v1",
  headers: {},
  payload,
});

/** The two services of one system; the picture of a flow is `pictureOf(flowId)`. */
function services(machines: Machines, pictureOf: (flowId: string) => string) {
  const images = { perceptualHash: async () => "0".repeat(64) } as unknown as Images; // nothing else is called
  const work = comparisonWork({
    fetchImage: async ({ flowId }) => new TextEncoder().encode(pictureOf(flowId)),
    images,
    digest: sha256,
    machines,
    fingerprints: createMemoryFingerprints(),
  });
  const reporter = { hop: () => undefined, notice: () => undefined };
  const storage = createMachineStorage({ machines, ids: createRandomIds(clock), clock, reporter });
  return {
    compare: (flowId: string) =>
      work(messageOf(flowId, { recognition: recognitionExamples.whole }), 1, signal),
    store: (flowId: string, comparison: unknown) => {
      const payload = { success: true, recognitionPayload: recognitionExamples.slim, comparison };
      return storage.handlers["analysis.completed"]?.(messageOf(flowId, payload), signal);
    },
  };
}

const orders = [
  ["f1", "f2"],
  ["f2", "f1"],
];
test.each(orders)("two flows that compared before either stored, %s first", async (...order) => {
  const machines = createMemoryMachines();
  const { compare, store } = services(machines, () => "one picture");
  const compared = new Map([
    ["f1", await compare("f1")],
    ["f2", await compare("f2")],
  ]);
  for (const flowId of order) await store(flowId, compared.get(flowId));
  const [machine, ...others] = await machines.list({ limit: 99 });
  expect(others).toEqual([]);
  expect(machine?.sightings.map(({ flowId }) => flowId)).toEqual(order);
});

test("a new machine has the same id wherever its picture is stored first", async () => {
  const idOf = async (flowId: string) => {
    const machines = createMemoryMachines();
    const { compare, store } = services(machines, () => "one picture");
    await store(flowId, await compare(flowId));
    return (await machines.list({ limit: 99 }))[0]?.id;
  };
  expect(await idOf("f1")).toBe(await idOf("f2"));
});

test("pictures that differ are machines of their own when neither was stored", async () => {
  const machines = createMemoryMachines();
  const { compare, store } = services(machines, (flowId) => `picture of ${flowId}`);
  const compared = [await compare("f1"), await compare("f2")];
  await store("f1", compared[0]);
  await store("f2", compared[1]);
  expect((await machines.list({ limit: 99 })).length).toBe(2);
});

test("without a checksum, as older comparisons answer, each flow makes its machine", async () => {
  const machines = createMemoryMachines();
  const { store } = services(machines, () => "");
  await store("f1", { objectKey: "a", verdict: "new", matches: [] });
  await store("f2", { objectKey: "b", verdict: "new", matches: [] });
  expect((await machines.list({ limit: 99 })).length).toBe(2);
});
