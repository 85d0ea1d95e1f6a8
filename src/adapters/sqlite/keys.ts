/** An id as it is kept: a UUID as its 16 bytes (RFC 9562), any other text as it is. */
export type Key = Uint8Array | string;

/** Other spellings of a UUID are other ids, and stay what they are. */
const canonical = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export const keyOf = (id: string): Key =>
  canonical.test(id) ? Buffer.from(id.replaceAll("-", ""), "hex") : id;

export function idOf(key: Key): string {
  if (typeof key === "string") return key;
  const hex = Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("hex");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  return `${parts.join("-")}-${hex.slice(20)}`;
}
