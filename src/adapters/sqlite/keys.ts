/** An id as it is kept: a UUID as its 16 bytes (RFC 9562), any other text as it is. */
export type Key = Uint8Array | string;

/** Other spellings of a UUID are other ids, and stay what they are. */
const canonical = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export const keyOf = (id: string): Key =>
  canonical.test(id) ? Buffer.from(id.replaceAll("-", ""), "hex") : id;

export function idOf(key: Key): string {
  if (typeof key === "string") return key;
  return dashed(Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("hex"));
}

function dashed(hex: string): string {
  const [time, more, version] = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16)];
  return `${time}-${more}-${version}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Selects the ids of what an entry took as texts: of a page of rows these cost half of what the bytes do. */
export const idTexts = `${textOf("entry.message_id")} AS id, ${textOf("entry.flow_id")} AS flow`;
export type IdTexts = { readonly id: string; readonly flow: string };

export const idsOfTexts = ({ flow, id }: IdTexts): { id: string; flowId: string } => ({
  id: idOfText(id),
  flowId: idOfText(flow),
});

function textOf(column: string): string {
  return `CASE typeof(${column}) WHEN 'blob' THEN lower(hex(${column})) ELSE ':' || ${column} END`;
}

const idOfText = (text: string): string => (text.startsWith(":") ? text.slice(1) : dashed(text));
