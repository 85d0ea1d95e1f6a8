import { expect, test } from "vitest";
import type { Fingerprint, Fingerprints } from "../../pipeline/ports.ts";

type Opened = { readonly fingerprints: Fingerprints; readonly close: () => Promise<void> };

const fingerprint = (name: string): Fingerprint => ({
  objectKey: `images/2025/11/22/${name}.jpg`,
  checksum: "ab".repeat(32),
  perceptualHash: "0123456789abcdef".repeat(4),
});

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

  scenario("at first there are none", async (fingerprints) => {
    expect(await fingerprints.all()).toEqual([]);
  });

  scenario("all are given in the order they were first saved", async (fingerprints) => {
    for (const name of ["b", "a", "c"]) await fingerprints.save(fingerprint(name));
    expect(await fingerprints.all()).toEqual(["b", "a", "c"].map(fingerprint));
  });

  scenario("what is removed is gone, and what is saved after it is not", async (fingerprints) => {
    for (const name of ["a", "b"]) await fingerprints.save(fingerprint(name));
    await fingerprints.remove([fingerprint("b").objectKey, "unknown"]);
    await fingerprints.remove([]);
    expect(await fingerprints.all()).toEqual([fingerprint("a")]);
    for (const name of ["b", "c"]) await fingerprints.save(fingerprint(name));
    expect(await fingerprints.all()).toEqual(["a", "b", "c"].map(fingerprint));
  });

  scenario("an object has one fingerprint, the last", async (fingerprints) => {
    const later = { ...fingerprint("a"), perceptualHash: "f".repeat(64) };
    for (const one of [fingerprint("a"), fingerprint("b"), later]) await fingerprints.save(one);
    expect(await fingerprints.all()).toEqual([later, fingerprint("b")]);
  });
}
