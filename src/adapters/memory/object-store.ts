import { requireObjectKey } from "../../pipeline/contracts/object-key.ts";
import type { ObjectStore } from "../../pipeline/ports.ts";

type Kept = { readonly bytes: Uint8Array; readonly contentType: string };

/** Objects for as long as the process lives; `signer` gives and checks their URLs. */
export function createMemoryObjectStore({
  signer,
}: {
  readonly signer: Pick<ObjectStore, "presign" | "authorize">;
}): ObjectStore {
  const objects = new Map<string, Kept>();
  const describe = (key: string, { bytes, contentType }: Kept) => ({
    key,
    contentType,
    sizeBytes: bytes.length,
  });
  return {
    presign: signer.presign,
    authorize: signer.authorize,
    async put(key, bytes, { contentType }) {
      requireObjectKey(key);
      // The caller may use its buffer again, here and in get.
      const kept = { bytes: new Uint8Array(bytes), contentType };
      objects.set(key, kept);
      return describe(key, kept);
    },
    async get(key) {
      const kept = objects.get(key);
      if (kept === undefined) return undefined;
      return { ...describe(key, kept), bytes: new Uint8Array(kept.bytes) };
    },
    async stat(key) {
      const kept = objects.get(key);
      return kept === undefined ? undefined : describe(key, kept);
    },
    async delete(key) {
      objects.delete(key);
    },
    list: async () =>
      [...objects].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, kept]) => describe(key, kept)),
  };
}
