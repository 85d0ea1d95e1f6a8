import type { Fingerprint, Fingerprints } from "../../pipeline/ports.ts";

/** Fingerprints for as long as the process lives. */
export function createMemoryFingerprints(): Fingerprints {
  const fingerprints = new Map<string, Fingerprint>();
  return {
    async save(fingerprint) {
      fingerprints.set(fingerprint.objectKey, fingerprint);
    },
    all: async () => [...fingerprints.values()],
    async remove(objectKeys) {
      for (const objectKey of objectKeys) fingerprints.delete(objectKey);
    },
  };
}
