import { bitsApart } from "../../pipeline/domain/picture.ts";
import type { Fingerprint, Fingerprints } from "../../pipeline/ports/fingerprints.ts";

/** Fingerprints, for the lifetime of the process. */
export function createMemoryFingerprints(): Fingerprints {
  const fingerprints = new Map<string, Fingerprint>();
  return {
    async save(fingerprint) {
      fingerprints.set(fingerprint.objectKey, fingerprint);
    },
    find: async (objectKey) => fingerprints.get(objectKey),
    async near(picture, bitsMax) {
      const isNear = ({ checksum, perceptualHash }: Fingerprint) =>
        checksum === picture.checksum ||
        bitsApart(perceptualHash, picture.perceptualHash) <= bitsMax;
      const found = [...fingerprints.values()].filter(isNear);
      const named = found.map(
        ({ checksum, perceptualHash }) =>
          [`${checksum} ${perceptualHash}`, { checksum, perceptualHash }] as const,
      );
      return [...new Map(named).values()];
    },
    async remove(objectKeys) {
      for (const objectKey of objectKeys) fingerprints.delete(objectKey);
    },
  };
}
