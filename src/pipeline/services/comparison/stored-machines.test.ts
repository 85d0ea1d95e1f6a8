import fc from "fast-check";
import { expect, test } from "vitest";
import { createMemoryFingerprints } from "../../../adapters/memory/fingerprints.ts";
import { sha256 } from "../../../adapters/memory/ids.ts";
import { createMemoryMachines } from "../../../adapters/memory/machines.ts";
import { openSqliteState } from "../../../adapters/sqlite/state.ts";
import { createTemporaryDirectory } from "../../../adapters/testing/temporary-directory.ts";
import type { Fingerprints } from "../../ports/fingerprints.ts";
import type { Machines } from "../../ports/machines.ts";
import { type Candidate, compare, type Stored } from "./compare.ts";
import { storedMachines } from "./stored-machines.ts";

type Stores = { readonly machines: Machines; readonly fingerprints: Fingerprints };
type Upload = {
  readonly candidate: Candidate;
  /** The machine that its observation names; null if it made none. */
  readonly machineId: string | null;
  readonly confidence: number;
};

const keyOf = (at: number) => `images/${at}.jpg`;

/** A picture has one checksum and one hash; hashes fall into a few groups, a few bits or many bits apart. */
const picture = fc
  .record({
    kind: fc.constantFrom(0n, (1n << 30n) - 1n, ((1n << 128n) - 1n) << 100n),
    bits: fc.array(fc.nat(255), { maxLength: 12 }),
  })
  .map(({ bits, kind }) => bits.reduce((hash, bit) => hash | (1n << BigInt(bit)), kind))
  .map((hash) => hash.toString(16).padStart(64, "0"))
  .map((perceptualHash) => ({ checksum: sha256(Buffer.from(perceptualHash)), perceptualHash }));
const attributes = fc.record({
  brand: fc.constantFrom("Caterpillar", "CAT", "Caterpillar Inc.", "Komatsu", "Acme", null),
  type: fc.constantFrom("Excavator", "Loader", null),
  model: fc.constantFrom("320", "320D", "PC200", null),
});
const uploads = fc.array(
  fc.record({
    candidate: fc.tuple(picture, attributes).map(([one, other]) => ({ ...one, ...other })),
    machineId: fc.option(fc.constantFrom(..."abcdefghijklm"), { freq: 5 }),
    confidence: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  { minLength: 1, maxLength: 25 },
);

async function store(all: readonly Upload[], { fingerprints, machines }: Stores): Promise<void> {
  for (const [at, { candidate, confidence, machineId }] of all.entries()) {
    const { brand, checksum, model, perceptualHash, type } = candidate;
    await fingerprints.save({ objectKey: keyOf(at), checksum, perceptualHash });
    if (machineId === null) continue;
    await machines.save({
      ...{ machineId, checksum, brand, type, model, name: "", confidence, resembles: [] },
      sighting: { flowId: `${at}`, objectKey: keyOf(at), seenAt: "2025-11-22", verdict: "new" },
    });
  }
}

/** Every machine, with all its pictures. */
async function everything(
  all: readonly Upload[],
  objectKey: string,
  { machines }: Stores,
): Promise<readonly Stored[]> {
  const pictures = new Map(all.map(({ candidate }, at) => [keyOf(at), candidate]));
  pictures.delete(objectKey);
  return (await machines.list({ limit: 99 })).map((machine) => ({
    machine,
    pictures: machine.sightings.flatMap((seen) => pictures.get(seen.objectKey) ?? []),
  }));
}

async function answersAlike(all: readonly Upload[], stores: Stores): Promise<void> {
  await store(all, stores);
  for (const [at, { candidate }] of all.entries()) {
    // As a new one, and as one that is redelivered.
    for (const objectKey of [keyOf(at), "images/new.jpg"]) {
      const found = compare(candidate, await storedMachines(candidate, objectKey, stores));
      expect(found).toEqual(compare(candidate, await everything(all, objectKey, stores)));
    }
  }
}

test("looking at some machines gives what looking at all of them gives", () =>
  fc.assert(
    fc.asyncProperty(uploads, (all) =>
      answersAlike(all, {
        machines: createMemoryMachines(),
        fingerprints: createMemoryFingerprints(),
      }),
    ),
    { numRuns: 300 },
  ));

test("so it does in the file", async () => {
  const { directory, remove } = await createTemporaryDirectory();
  const clock = { nowMs: () => 0, sleep: () => Promise.reject(new Error("unused")) };
  let run = 0;
  try {
    await fc.assert(
      fc.asyncProperty(uploads, async (all) => {
        const file = `${directory}/${run++}.db`;
        const state = await openSqliteState(file, { clock, runnerId: "test" });
        await answersAlike(all, state);
        await state.close();
      }),
      { numRuns: 40 },
    );
  } finally {
    await remove();
  }
});

test("machines of other brands with the same model do not hide one of this brand", async () => {
  const machines = createMemoryMachines();
  const candidate = {
    ...{ brand: "Volvo", type: "Excavator", model: "320" },
    ...{ checksum: "c".repeat(64), perceptualHash: "0".repeat(64) },
  };
  for (let at = 0; at < 200; at += 1)
    await machines.save({
      ...{ machineId: `m${String(at).padStart(3, "0")}`, checksum: null, name: "", confidence: 1 },
      ...{ brand: at < 150 ? "Komatsu" : "Volvo", type: at < 180 ? "Loader" : null, model: "320" },
      sighting: { flowId: `${at}`, objectKey: keyOf(at), seenAt: "2025", verdict: "new" },
      resembles: [],
    });
  const stores = { machines, fingerprints: createMemoryFingerprints() };
  const found = await storedMachines(candidate, "images/new.jpg", stores);
  expect(found.map(({ machine }) => machine.id)).toEqual(["m180", "m181", "m182", "m183", "m184"]);
});
