import type { ImageFormat } from "../../pipeline/ports/images.ts";
import { notAnImage, truncated } from "./format.ts";

// The outer structure of JPEG, PNG and WebP: size, EXIF block, and whether the end is there. Reads
// marker by marker, never decodes, never allocates more than it was given. Not `sharp.metadata()`: that gives the
// size of a file cut off after its header as if all of it were there, and loads libvips for it.

export type Container = {
  readonly width: number;
  readonly height: number;
  /** A TIFF structure, or null when there is none. */
  readonly exif: Uint8Array | null;
  /** Whether the file reaches its own end marker; trailing bytes are ignored. */
  readonly isComplete: boolean;
};
type Segment = { readonly marker: number; readonly data: Uint8Array };
type Chunk = { readonly type: string; readonly data: Uint8Array; readonly end: number };

/** Throws E_IMAGE_TRUNCATED when the file ends before the size, E_IMAGE_NOT_AN_IMAGE on nonsense. */
export function readContainer(format: ImageFormat, bytes: Uint8Array): Container {
  const container = readers[format](bytes);
  if (container.width > 0 && container.height > 0) return container;
  throw notAnImage("the image has no pixels");
}

const readers: Readonly<Record<ImageFormat, (bytes: Uint8Array) => Container>> = {
  jpeg: readJpeg,
  png: readPng,
  webp: readWebp,
};

const startOfScan = 0xda;
const exifHeader = "Exif\0\0";

function readJpeg(bytes: Uint8Array): Container {
  const { segments, end } = segmentsOf(bytes);
  const frame = segments.find(({ marker, data }) => isFrame(marker) && data.length >= 5)?.data;
  if (frame === undefined) {
    throw end + 4 > bytes.length ? truncated() : notAnImage("The JPEG has no picture.");
  }
  const view = viewOf(frame);
  const exif = segments.find(({ marker, data }) => marker === 0xe1 && startsWithExif(data))?.data;
  return {
    height: view.getUint16(1),
    width: view.getUint16(3),
    exif: exif?.subarray(exifHeader.length) ?? null,
    isComplete: hasEndOfImage(bytes, end),
  };
}

/** All segments in front of the picture's data, which begins at `end`. */
function segmentsOf(bytes: Uint8Array): { segments: readonly Segment[]; end: number } {
  const view = viewOf(bytes);
  const segments: Segment[] = [];
  let at = 2;
  while (at + 4 <= bytes.length && bytes[at + 1] !== startOfScan) {
    if (bytes[at] !== 0xff) throw notAnImage("The JPEG's structure is broken.");
    // Markers may be preceded by any number of fill bytes.
    const isFill = bytes[at + 1] === 0xff;
    const length = isFill ? 0 : Math.max(2, view.getUint16(at + 2));
    if (!isFill) {
      segments.push({
        marker: view.getUint8(at + 1),
        data: bytes.subarray(at + 4, at + 2 + length),
      });
    }
    at += isFill ? 1 : 2 + length;
  }
  return { segments, end: at };
}

/** SOF0–SOF15 without the three markers in between that mean something else. */
function isFrame(marker: number): boolean {
  return marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
}

function hasEndOfImage(bytes: Uint8Array, from: number): boolean {
  for (let at = bytes.length - 2; at >= from; at -= 1) {
    if (bytes[at] === 0xff && bytes[at + 1] === 0xd9) return true;
  }
  return false;
}

function readPng(bytes: Uint8Array): Container {
  const view = viewOf(bytes);
  if (bytes.length < 24) throw truncated();
  if (textAt(bytes, 12, 4) !== "IHDR") throw notAnImage("The PNG does not begin with its header.");
  const chunks = chunksOf(bytes, 8, (at) => {
    const length = view.getUint32(at);
    const data = bytes.subarray(at + 8, at + 8 + length);
    return { type: textAt(bytes, at + 4, 4), data, end: at + 12 + length };
  });
  return {
    width: view.getUint32(16),
    height: view.getUint32(20),
    exif: chunks.find(({ type }) => type === "eXIf")?.data ?? null,
    isComplete: chunks.some(({ type, end }) => type === "IEND" && end <= bytes.length),
  };
}

function readWebp(bytes: Uint8Array): Container {
  const view = viewOf(bytes);
  if (bytes.length < 30) throw truncated();
  const chunks = chunksOf(bytes, 12, (at) => {
    const length = view.getUint32(at + 4, true);
    const data = bytes.subarray(at + 8, at + 8 + length);
    return { type: textAt(bytes, at, 4), data, end: at + 8 + length + (length % 2) };
  });
  const exif = chunks.find(({ type }) => type === "EXIF")?.data ?? null;
  return {
    ...webpSize(textAt(bytes, 12, 4), view),
    exif: exif && startsWithExif(exif) ? exif.subarray(exifHeader.length) : exif,
    isComplete: view.getUint32(4, true) + 8 <= bytes.length,
  };
}

function webpSize(type: string, view: DataView): { width: number; height: number } {
  const uint24 = (at: number) => view.getUint16(at, true) + (view.getUint8(at + 2) << 16);
  if (type === "VP8X") return { width: uint24(24) + 1, height: uint24(27) + 1 };
  if (type === "VP8 ") {
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  }
  if (type !== "VP8L") throw notAnImage("The WebP does not begin with its picture.");
  const bits = view.getUint32(21, true);
  return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
}

function chunksOf(bytes: Uint8Array, from: number, read: (at: number) => Chunk): readonly Chunk[] {
  const chunks: Chunk[] = [];
  for (let at = from; at + 8 <= bytes.length; ) {
    const chunk = read(at);
    chunks.push(chunk);
    at = chunk.end;
  }
  return chunks;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function startsWithExif(data: Uint8Array): boolean {
  return textAt(data, 0, exifHeader.length) === exifHeader;
}

function textAt(bytes: Uint8Array, at: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(at, at + length));
}
