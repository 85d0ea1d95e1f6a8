// Reads a TIFF structure entry by entry: damaged entries are named and omitted, the rest is read. Bounded: each
// directory once, at most `mostEntries` entries, no value longer than `mostValues`.

export type TiffGroup = "image" | "exif" | "gps" | "interoperability" | "thumbnail";
export type TiffValue =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "numbers"; readonly numbers: readonly number[] }
  | { readonly kind: "bytes"; readonly bytes: Uint8Array };
export type TiffEntry = {
  readonly group: TiffGroup;
  readonly tag: number;
  readonly value: TiffValue;
};
export type Tiff = { readonly entries: readonly TiffEntry[]; readonly problems: readonly string[] };

type Source = {
  readonly view: DataView;
  readonly isLittle: boolean;
  readonly entries: TiffEntry[];
  readonly problems: string[];
  readonly seen: Set<number>;
};
type NumberType = {
  readonly bytes: number;
  readonly read: (view: DataView, at: number, isLittle: boolean) => number;
};

const mostEntries = 1_000;
const mostValues = 1_024;
const mostProblems = 20;

const pointers: Readonly<Record<number, TiffGroup>> = {
  34665: "exif",
  34853: "gps",
  40965: "interoperability",
};

const numberTypes: Readonly<Record<number, NumberType>> = {
  1: { bytes: 1, read: (view, at) => view.getUint8(at) },
  3: { bytes: 2, read: (view, at, isLittle) => view.getUint16(at, isLittle) },
  4: { bytes: 4, read: (view, at, isLittle) => view.getUint32(at, isLittle) },
  5: {
    bytes: 8,
    read: (view, at, isLittle) => view.getUint32(at, isLittle) / view.getUint32(at + 4, isLittle),
  },
  6: { bytes: 1, read: (view, at) => view.getInt8(at) },
  8: { bytes: 2, read: (view, at, isLittle) => view.getInt16(at, isLittle) },
  9: { bytes: 4, read: (view, at, isLittle) => view.getInt32(at, isLittle) },
  10: {
    bytes: 8,
    read: (view, at, isLittle) => view.getInt32(at, isLittle) / view.getInt32(at + 4, isLittle),
  },
  11: { bytes: 4, read: (view, at, isLittle) => view.getFloat32(at, isLittle) },
  12: { bytes: 8, read: (view, at, isLittle) => view.getFloat64(at, isLittle) },
};
const asciiType = 2;
const undefinedType = 7;

export function readTiff(bytes: Uint8Array): Tiff {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const order = bytes.length < 8 ? "" : String.fromCharCode(view.getUint8(0), view.getUint8(1));
  if (order !== "II" && order !== "MM") {
    return { entries: [], problems: ["The EXIF block has an invalid header."] };
  }
  const isLittle = order === "II";
  const source: Source = { view, isLittle, entries: [], problems: [], seen: new Set() };
  const next = readDirectory(source, view.getUint32(4, isLittle), "image");
  if (next !== 0) readDirectory(source, next, "thumbnail");
  return { entries: source.entries, problems: source.problems.slice(0, mostProblems) };
}

/** Returns the offset of the next directory; 0 if there is none. */
function readDirectory(source: Source, at: number, group: TiffGroup): number {
  const { view, isLittle, problems, seen } = source;
  if (seen.has(at) || at < 8 || at + 2 > view.byteLength) {
    problems.push(`The ${group} directory points outside the block.`);
    return 0;
  }
  seen.add(at);
  const count = view.getUint16(at, isLittle);
  for (let index = 0; index < count; index += 1) {
    const entryAt = at + 2 + index * 12;
    if (entryAt + 12 > view.byteLength || source.entries.length >= mostEntries) {
      problems.push(`The ${group} directory is cut off after ${index} of ${count} entries.`);
      return 0;
    }
    readEntry(source, entryAt, group);
  }
  const nextAt = at + 2 + count * 12;
  return nextAt + 4 <= view.byteLength ? view.getUint32(nextAt, isLittle) : 0;
}

function readEntry(source: Source, at: number, group: TiffGroup): void {
  const { view, isLittle } = source;
  const tag = view.getUint16(at, isLittle);
  const child = group === "image" || group === "exif" ? pointers[tag] : undefined;
  if (child !== undefined) {
    readDirectory(source, view.getUint32(at + 8, isLittle), child);
    return;
  }
  const value = readValue(source, at);
  if (typeof value === "string") source.problems.push(`${group} 0x${hex(tag)}: ${value}`);
  else source.entries.push({ group, tag, value });
}

/** The value, or the problem with it. */
function readValue({ view, isLittle }: Source, at: number): TiffValue | string {
  const type = view.getUint16(at + 2, isLittle);
  const count = view.getUint32(at + 4, isLittle);
  const isPlain = type === asciiType || type === undefinedType;
  const size = isPlain ? 1 : numberTypes[type]?.bytes;
  if (size === undefined) return `unknown type ${type}`;
  const start = size * count <= 4 ? at + 8 : view.getUint32(at + 8, isLittle);
  if (start + size * count > view.byteLength) return "points outside the block";
  if (isPlain) return plainValue(new Uint8Array(view.buffer, view.byteOffset + start, count), type);
  const read = numberTypes[type]?.read;
  const numbers = Array.from({ length: Math.min(count, mostValues) }, (_, index) =>
    read ? read(view, start + index * size, isLittle) : Number.NaN,
  );
  return { kind: "numbers", numbers };
}

function plainValue(bytes: Uint8Array, type: number): TiffValue {
  if (type === undefinedType) return { kind: "bytes", bytes };
  const text = new TextDecoder().decode(bytes.subarray(0, mostValues * 4));
  return { kind: "text", text: text.replace(/\0[\s\S]*$/, "").trim() };
}

export function hex(tag: number): string {
  return tag.toString(16).padStart(4, "0");
}
