import fc from "fast-check";
import { expect, test } from "vitest";
import { bitsApart } from "../../pipeline/domain/picture.ts";
import type { Fingerprint, Fingerprints } from "../../pipeline/ports/fingerprints.ts";

type Opened = { readonly fingerprints: Fingerprints; readonly close: () => Promise<void> };

const keyOf = (name: string) => `images/2025/11/22/${name}.jpg`;
const checksumOf = (name: string) => Buffer.from(name.padEnd(32)).toString("hex");
/** With that many bits set. */
const hashOf = (bits: number) => ((1n << BigInt(bits)) - 1n).toString(16).padStart(64, "0");
const fingerprint = (name: string, more: Partial<Fingerprint> = {}): Fingerprint => ({
  objectKey: keyOf(name),
  checksum: checksumOf(name),
  perceptualHash: hashOf(0),
  ...more,
});
const pictureOf = ({ checksum, perceptualHash }: Fingerprint) => ({ checksum, perceptualHash });

/** Every Fingerprints adapter must pass this suite. */
export function fingerprintsContract(open: () => Promise<Opened>): void {
  const scenario = (name: string, run: (fingerprints: Fingerprints) => Promise<void>) =>
    test(name, async () => {
      const { fingerprints, close } = await open();
      try {
        await run(fingerprints);
      } finally {
        await close();
      }
    });
  const near = async (fingerprints: Fingerprints, one: Fingerprint, bitsMax = 48) =>
    new Set(await fingerprints.near(pictureOf(one), bitsMax));

  scenario("at first there are none", async (fingerprints) => {
    expect(await fingerprints.find(keyOf("a"))).toBeUndefined();
    expect(await near(fingerprints, fingerprint("a"), 256)).toEqual(new Set());
  });

  scenario("what was saved is found by its object", async (fingerprints) => {
    for (const name of ["b", "a"]) await fingerprints.save(fingerprint(name));
    expect(await fingerprints.find(keyOf("a"))).toEqual(fingerprint("a"));
    expect(await fingerprints.find(keyOf("c"))).toBeUndefined();
  });

  scenario("near is what differs in at most so many bits, or is the same file", async (all) => {
    const [none, one, two] = [0, 1, 2].map((bits) =>
      fingerprint(`${bits}`, { perceptualHash: hashOf(bits) }),
    ) as [Fingerprint, Fingerprint, Fingerprint];
    const sameFile = fingerprint("0 as well", { ...pictureOf(none), perceptualHash: hashOf(99) });
    for (const one_ of [none, one, two, sameFile]) await all.save(one_);
    const found = (bitsMax: number) => near(all, none, bitsMax);
    expect(await found(0)).toEqual(new Set([none, sameFile].map(pictureOf)));
    expect(await found(1)).toEqual(new Set([none, sameFile, one].map(pictureOf)));
    expect(await found(2)).toEqual(new Set([none, sameFile, one, two].map(pictureOf)));
  });

  scenario("a picture is found once, for as long as some object holds it", async (all) => {
    const [a, again] = [fingerprint("a"), { ...fingerprint("a"), objectKey: keyOf("again") }];
    for (const one of [a, again]) await all.save(one);
    expect(await all.near(a, 48)).toEqual([pictureOf(a)]);
    await all.remove([a.objectKey]);
    expect(await all.near(a, 48)).toEqual([pictureOf(a)]);
    await all.remove([again.objectKey]);
    expect(await all.near(a, 48)).toEqual([]);
  });

  scenario("what is removed is gone, and what is saved after it is not", async (all) => {
    for (const name of ["a", "b"]) await all.save(fingerprint(name));
    await all.remove([keyOf("b"), "unknown"]);
    await all.remove([]);
    expect(await all.find(keyOf("b"))).toBeUndefined();
    expect(await near(all, fingerprint("x"))).toEqual(new Set([pictureOf(fingerprint("a"))]));
    for (const name of ["b", "c"]) await all.save(fingerprint(name));
    expect((await near(all, fingerprint("x"))).size).toBe(3);
  });

  scenario("an object has one fingerprint, the last", async (all) => {
    const later = { ...fingerprint("a"), perceptualHash: "f".repeat(64) };
    for (const one of [fingerprint("a"), fingerprint("b"), later, later]) await all.save(one);
    expect(await all.find(keyOf("a"))).toEqual(later);
    expect(await near(all, fingerprint("x"))).toEqual(new Set([pictureOf(fingerprint("b"))]));
  });

  scenario("whatever the hashes, those are near that are", async (all) => {
    const anyHash = fc
      .array(fc.nat(255), { maxLength: 60 })
      .map((bits) => bits.reduce((hash, bit) => hash ^ (1n << BigInt(bit)), 0n))
      .map((hash) => hash.toString(16).padStart(64, "0"));
    const saved: Fingerprint[] = [];
    await fc.assert(
      fc.asyncProperty(anyHash, fc.nat(60), async (perceptualHash, bitsMax) => {
        const one = fingerprint(`${saved.length}`, { perceptualHash });
        const wanted = saved.filter(
          (other) => bitsApart(other.perceptualHash, perceptualHash) <= bitsMax,
        );
        expect(await near(all, one, bitsMax)).toEqual(new Set(wanted.map(pictureOf)));
        await all.save(one);
        saved.push(one);
      }),
      { numRuns: 100, endOnFailure: true },
    );
  });
}
