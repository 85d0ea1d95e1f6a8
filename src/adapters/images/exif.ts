import type { Exif } from "../../pipeline/ports/images.ts";
import { tagName } from "./exif-tags.ts";
import { hex, readTiff, type TiffEntry, type TiffGroup, type TiffValue } from "./tiff.ts";

// The camera's metadata in a photograph, as far as it can be read.

const longestValue = 200;
const nothing: Exif = {
  capturedAt: null,
  location: null,
  camera: null,
  orientation: null,
  entries: [],
  problems: [],
};

/** `block` is the TIFF structure, null if the image has none. Never throws. */
export function readExif(block: Uint8Array | null): Exif {
  if (block === null) return nothing;
  const { entries, problems } = readTiff(block);
  const tags = createTags(entries);
  const captured = capturedAt(tags);
  const location = locationOf(tags);
  return {
    capturedAt: captured.value,
    location: location.value,
    camera: cameraOf(tags),
    orientation: orientationOf(tags),
    entries: entries.map(({ group, tag, value }) => ({
      group,
      key: tagName(group, tag) ?? `0x${hex(tag)}`,
      value: show(value),
    })),
    problems: [...problems, ...captured.problems, ...location.problems],
  };
}

type Tags = {
  readonly text: (group: TiffGroup, tag: number) => string | undefined;
  readonly numbers: (group: TiffGroup, tag: number) => readonly number[];
};
type Found<T> = { readonly value: T | null; readonly problems: readonly string[] };

function createTags(entries: readonly TiffEntry[]): Tags {
  const find = (group: TiffGroup, tag: number): TiffValue | undefined =>
    entries.find((entry) => entry.group === group && entry.tag === tag)?.value;
  return {
    text(group, tag) {
      const value = find(group, tag);
      return value?.kind === "text" && value.text !== "" ? value.text : undefined;
    },
    numbers(group, tag) {
      const value = find(group, tag);
      return value?.kind === "numbers" ? value.numbers : [];
    },
  };
}

/** The camera's local time unchanged; an offset only if the camera wrote one. */
function capturedAt(tags: Tags): Found<string> {
  const original = tags.text("exif", 0x9003);
  const written = original ?? tags.text("exif", 0x9004);
  if (written === undefined) return { value: null, problems: [] };
  const parts = /^(\d{4}):(\d\d):(\d\d)[ T](\d\d):(\d\d):(\d\d)/.exec(written);
  const [, year, month, day, hour, minute, second] = parts ?? [];
  const local = `${year}-${month}-${day}T${hour}:${minute}:${second}`;
  if (parts === null || !isTime(local)) {
    return { value: null, problems: [`The time "${shorten(written)}" is invalid.`] };
  }
  const offset = tags.text("exif", original === undefined ? 0x9012 : 0x9011) ?? "";
  const isOffset = /^(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)$/.test(offset);
  const problems =
    isOffset || offset === "" ? [] : [`The time zone "${shorten(offset)}" is invalid.`];
  return { value: isOffset ? local + offset : local, problems };
}

/** `2024-02-30T…` rolls over to March, so it does not match its own text. */
function isTime(local: string): boolean {
  const ms = Date.parse(`${local}Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(local);
}

function locationOf(tags: Tags): Found<NonNullable<Exif["location"]>> {
  const latitude = tags.numbers("gps", 2);
  const longitude = tags.numbers("gps", 4);
  if (latitude.length === 0 && longitude.length === 0) return { value: null, problems: [] };
  const lat = degrees(latitude, tags.text("gps", 1), "S");
  const lon = degrees(longitude, tags.text("gps", 3), "W");
  if (!(Math.abs(lat) <= 90 && Math.abs(lon) <= 180)) {
    return { value: null, problems: ["The position is not a place on Earth."] };
  }
  const [height] = tags.numbers("gps", 6);
  if (height === undefined || !Number.isFinite(height))
    return { value: { lat, lon }, problems: [] };
  const [below] = tags.numbers("gps", 5);
  return { value: { lat, lon, altitude: below === 1 ? -height : height }, problems: [] };
}

/** Degrees, minutes and seconds; NaN if one of them is not a number. */
function degrees(parts: readonly number[], reference: string | undefined, minus: string): number {
  const [whole = Number.NaN, minutes = 0, seconds = 0] = parts;
  const value = Number((whole + minutes / 60 + seconds / 3600).toFixed(7));
  return reference?.toUpperCase() === minus ? 0 - value : value;
}

function cameraOf(tags: Tags): string | null {
  const make = tags.text("image", 0x010f);
  const model = tags.text("image", 0x0110);
  if (make === undefined || model === undefined) return make ?? model ?? null;
  // "NIKON CORPORATION" makes the "NIKON D90".
  const [name = make] = make.split(" ");
  return model.toLowerCase().startsWith(name.toLowerCase()) ? model : `${make} ${model}`;
}

function orientationOf(tags: Tags): number | null {
  const [value] = tags.numbers("image", 0x0112);
  return value !== undefined && Number.isInteger(value) && value >= 1 && value <= 8 ? value : null;
}

function show(value: TiffValue): string {
  switch (value.kind) {
    case "text":
      return shorten(value.text);
    case "numbers":
      return shorten(value.numbers.slice(0, 64).map(String).join(", "));
    case "bytes":
      return showBytes(value.bytes);
    default:
      return value satisfies never;
  }
}

function showBytes(bytes: Uint8Array): string {
  const isComment = String.fromCharCode(...bytes.subarray(0, 5)) === "ASCII";
  const text = new TextDecoder().decode(isComment ? bytes.subarray(8, 512) : bytes.subarray(0, 8));
  const isReadable = /^[\x20-\x7e]+\0*$/.test(text) && (isComment || bytes.length <= 8);
  return isReadable ? shorten(text.replace(/\0+$/, "")) : `<${bytes.length} bytes>`;
}

function shorten(text: string): string {
  const clean = text.replace(/\p{Cc}+/gu, " ");
  return clean.length > longestValue ? `${clean.slice(0, longestValue - 1)}…` : clean;
}
