import { requireObjectKey } from "../../pipeline/domain/object-key.ts";
import { TuError } from "../../pipeline/errors.ts";
import type { EmbeddedObjectStore, UrlSigner } from "../../pipeline/ports/object-store.ts";
import { sha256 } from "./ids.ts";

/** Keys with equal bytes share `bytes`, which are removed with the last of them. */
type Kept = { readonly bytes: Uint8Array; readonly checksum: string; readonly contentType: string };

/** Objects, for the lifetime of the process; `signer` creates and checks their URLs. */
export function createMemoryObjectStore({
  signer,
}: {
  readonly signer: UrlSigner;
}): EmbeddedObjectStore {
  const objects = new Map<string, Kept>();
  const describe = (key: string, { bytes, contentType }: Kept) => ({
    key,
    contentType,
    sizeBytes: bytes.length,
  });
  const sharedBytes = (checksum: string) =>
    [...objects.values()].find((kept) => kept.checksum === checksum)?.bytes;
  return {
    presign: signer.presign,
    authorize: signer.authorize,
    async put(key, bytes, { contentType }) {
      requireObjectKey(key);
      const checksum = sha256(bytes);
      const known = objects.get(key);
      if (known !== undefined && known.checksum !== checksum)
        throw new TuError("E_OBJECT_EXISTS", `${key} is already stored with different bytes`);
      // The caller may reuse its buffer, here and in get.
      const shared = known?.bytes ?? sharedBytes(checksum) ?? new Uint8Array(bytes);
      const kept = known ?? { bytes: shared, checksum, contentType };
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
