import type { FileHandle } from "node:fs/promises";
import type { StoredObject } from "../../pipeline/ports.ts";

// The end of an object's file: JSON, its length in four bytes, and a mark. Behind the bytes and not
// before them, so that a picture stays a picture for whoever opens the file.

const mark = Buffer.from("TUOBJ-1\n");
const tailBytes = 4 + mark.length;
/** A key has 200 characters at most and a content type few; more than this is not ours. */
const jsonBytesMax = 4096;

export function footerOf({ key, contentType, sizeBytes }: StoredObject): Uint8Array {
  const json = Buffer.from(JSON.stringify({ key, contentType, sizeBytes }));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(json.length);
  return Buffer.concat([json, length, mark]);
}

/** Undefined for a file that is not a whole object. */
export async function readFooter(handle: FileHandle): Promise<StoredObject | undefined> {
  const { size } = await handle.stat();
  const tail = await readAt(handle, size - tailBytes, tailBytes);
  if (tail === undefined || !tail.subarray(4).equals(mark)) return undefined;
  const jsonBytes = tail.readUInt32BE();
  if (jsonBytes > jsonBytesMax) return undefined;
  const json = await readAt(handle, size - tailBytes - jsonBytes, jsonBytes);
  const stored = json === undefined ? undefined : parse(json.toString());
  return stored?.sizeBytes === size - tailBytes - jsonBytes ? stored : undefined;
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

function parse(json: string): StoredObject | undefined {
  try {
    const value: unknown = JSON.parse(json);
    return isStored(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const isStored = (value: unknown): value is StoredObject =>
  typeof value === "object" &&
  value !== null &&
  "key" in value &&
  typeof value.key === "string" &&
  "contentType" in value &&
  typeof value.contentType === "string" &&
  "sizeBytes" in value &&
  typeof value.sizeBytes === "number";
