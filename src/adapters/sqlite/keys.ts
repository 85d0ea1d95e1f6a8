/** An id as it is kept: a UUID as its 16 bytes (RFC 9562), any other text as it is. */
export type Key = Uint8Array | string;

/** Other spellings of a UUID are other ids, and stay what they are. */
const canonical = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export const keyOf = (id: string): Key =>
  canonical.test(id) ? Buffer.from(id.replaceAll("-", ""), "hex") : id;

export function idOf(key: Key): string {
  if (typeof key === "string") return key;
  return dashed(Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("hex"), 0);
}

function dashed(hex: string, from: number): string {
  const [time, more] = [hex.slice(from, from + 8), hex.slice(from + 8, from + 12)];
  const [version, variant] = [hex.slice(from + 12, from + 16), hex.slice(from + 16, from + 20)];
  return `${time}-${more}-${version}-${variant}-${hex.slice(from + 20, from + 32)}`;
}

/**
 * Selects the ids of what an entry took in one text. Of a page of rows, bytes cost twice what texts do, and two texts,
 * in the case that we write, twice what one does that is made lower here.
 */
export const idTexts = `CASE
    WHEN typeof(entry.message_id) = 'blob' AND typeof(entry.flow_id) = 'blob'
    THEN hex(entry.message_id) || hex(entry.flow_id)
    ELSE json_array(${textOf("entry.message_id")}, ${textOf("entry.flow_id")})
  END AS ids`;
export type IdTexts = { readonly ids: string };

export function idsOfTexts({ ids }: IdTexts): { id: string; flowId: string } {
  if (ids.startsWith("[")) {
    const [id, flowId] = JSON.parse(ids) as [string, string]; // of two texts
    return { id: idOfText(id), flowId: idOfText(flowId) };
  }
  const hex = ids.toLowerCase();
  return { id: dashed(hex, 0), flowId: dashed(hex, 32) };
}

function textOf(column: string): string {
  return `CASE typeof(${column}) WHEN 'blob' THEN hex(${column}) ELSE ':' || ${column} END`;
}

const idOfText = (text: string): string =>
  text.startsWith(":") ? text.slice(1) : dashed(text.toLowerCase(), 0);
