import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { addAbortSignal, type Readable } from "node:stream";
import { TuError } from "../../pipeline/errors.ts";

/**
 * Reads a file, or standard input for `-`, and stops at `bytesMax + 1`: whoever judges the size sees
 * that it is too large, and nothing larger is held. Throws E_FILE_NOT_FOUND, E_FILE_IS_DIRECTORY,
 * E_FILE_UNREADABLE; `onTooLarge` makes the error for a file whose size is known beforehand.
 */
export async function readInput(
  path: string,
  options: {
    bytesMax: number;
    onTooLarge: (sizeBytes: number) => Error;
    /** Lets go of the input. */
    signal: AbortSignal;
  },
): Promise<Uint8Array> {
  if (path === "-") return readUpTo(process.stdin, options.bytesMax + 1, options.signal);
  try {
    const { isDirectory, isFile, size } = await statOf(path);
    if (isDirectory) {
      throw new TuError("E_FILE_IS_DIRECTORY", `${path} is a directory`, {
        hint: `name the images in it: ${path}/*`,
      });
    }
    if (isFile && size > options.bytesMax) throw options.onTooLarge(size);
    return await readUpTo(createReadStream(path), options.bytesMax + 1, options.signal);
  } catch (error) {
    throw error instanceof Error && "code" in error && typeof error.code === "string"
      ? named(path, error.code, error)
      : error;
  }
}

async function statOf(path: string) {
  const stats = await stat(path);
  return { isDirectory: stats.isDirectory(), isFile: stats.isFile(), size: stats.size };
}

function named(path: string, code: string, cause: Error): Error {
  if (cause instanceof TuError) return cause;
  if (code === "ENOENT" || code === "ENOTDIR") {
    return new TuError("E_FILE_NOT_FOUND", `there is no file ${path === "" ? '""' : path}`, {
      hint: "check the spelling; a name with spaces needs quotes",
      cause,
    });
  }
  return new TuError("E_FILE_UNREADABLE", `${path} cannot be read (${code})`, {
    hint: "check its permissions",
    cause,
  });
}

async function readUpTo(
  stream: Readable,
  bytesMax: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  addAbortSignal(signal, stream);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    // A byte stream without an encoding yields buffers.
    chunks.push(chunk);
    size += chunk.length;
    if (size >= bytesMax) break;
  }
  return new Uint8Array(Buffer.concat(chunks).subarray(0, bytesMax));
}
