import type { FileHandle } from "node:fs/promises";

// The end of an object's file: JSON, its length in four bytes, and a mark. Behind the bytes and not
// before them, so that any viewer still opens the file as a picture.

const mark = Buffer.from("TUOBJ-1\n");
const tailBytes = 4 + mark.length;
/** A key has 200 characters at most and a content type few; more than this is not ours. */
const jsonBytesMax = 4096;

/** `key` only in the earlier layout, where each key had a file of its own. */
export type Footer = {
  readonly key?: string;
  readonly contentType: string;
  readonly sizeBytes: number;
};

export function footerOf({ contentType, sizeBytes }: Omit<Footer, "key">): Uint8Array {
  const json = Buffer.from(JSON.stringify({ contentType, sizeBytes }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([json, length, mark]);
}

/** Undefined for a file that is not a whole object. */
export async function readFooter(handle: FileHandle): Promise<Footer | undefined> {
  const { size } = await handle.stat();
  const tail = await readAt(handle, size - tailBytes, tailBytes);
  if (tail === undefined || !tail.subarray(4).equals(mark)) return undefined;
  const jsonBytes = tail.readUInt32BE();
  if (jsonBytes > jsonBytesMax) return undefined;
  const json = await readAt(handle, size - tailBytes - jsonBytes, jsonBytes);
  const footer = json === undefined ? undefined : parse(json.toString());
  return footer?.sizeBytes === size - tailBytes - jsonBytes ? footer : undefined;
}

async function readAt(
  handle: FileHandle,
  position: number,
  length: number,
): Promise<Buffer | undefined> {
  if (position < 0) return undefined;
  const { bytesRead, buffer } = await handle.read(Buffer.alloc(length), 0, length, position);
  return bytesRead === length ? buffer : undefined;
}

function parse(json: string): Footer | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isFooter(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const isFooter = (value: unknown): value is Footer =>
  typeof value === "object" &&
  value !== null &&
  (!("key" in value) || typeof value.key === "string") &&
  "contentType" in value &&
  typeof value.contentType === "string" &&
  "sizeBytes" in value &&
  typeof value.sizeBytes === "number";
