import { closeSync, constants, createReadStream, openSync, writeSync } from "node:fs";
import { stat } from "node:fs/promises";
import { addAbortSignal, type Readable } from "node:stream";
import { TuError } from "../../pipeline/errors.ts";
import { orAborted } from "../../pipeline/or-aborted.ts";

type Options = {
  readonly bytesMax: number;
  readonly onTooLarge: (sizeBytes: number) => Error;
  /** Releases the input. */
  readonly signal: AbortSignal;
};

/**
 * Reads a file, or standard input for `-`, and stops at `bytesMax + 1`: enough to see that it is too large, without
 * holding anything larger. Throws E_FILE_NOT_FOUND, E_FILE_IS_DIRECTORY, E_FILE_UNREADABLE; the signal's reason,
 * immediately, when aborted; `onTooLarge` creates the error for a file whose size is known beforehand.
 */
export async function readInput(path: string, options: Options): Promise<Uint8Array> {
  options.signal.throwIfAborted();
  // A pipe without a writer, or an unresponsive disk, must not block Ctrl-C.
  return orAborted(readNamed(path, options), options.signal);
}

async function readNamed(path: string, options: Options): Promise<Uint8Array> {
  try {
    const stream = path === "-" ? process.stdin : await openFile(path, options);
    return await readUpTo(stream, options.bytesMax + 1, options.signal);
  } catch (error) {
    throw error instanceof Error && "code" in error && typeof error.code === "string"
      ? named(path, error.code, error)
      : error;
  }
}

async function openFile(path: string, { bytesMax, onTooLarge, signal }: Options) {
  const { isDirectory, isFile, isPipe, size } = await statOf(path);
  if (isDirectory) {
    throw new TuError("E_FILE_IS_DIRECTORY", `${path} is a directory`, {
      hint: `name the images in it: ${path}/*`,
    });
  }
  if (isFile && size > bytesMax) throw onTooLarge(size);
  signal.throwIfAborted(); // opening a pipe without a writer could not be undone
  const stream = createReadStream(path);
  if (isPipe) {
    const onAbort = () => wakeReaderOf(path);
    signal.addEventListener("abort", onAbort, { once: true });
    stream.once("close", () => signal.removeEventListener("abort", onAbort));
  }
  return stream;
}

/**
 * Opening a pipe and reading from it block in the operating system, and a process cannot exit before they return:
 * opening the other end and writing one byte unblocks both.
 */
function wakeReaderOf(path: string): void {
  try {
    const end = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
    try {
      writeSync(end, "\n");
    } finally {
      closeSync(end);
    }
  } catch {
    // The pipe is gone or full: then nothing waits for it.
  }
}

async function statOf(path: string) {
  const stats = await stat(path);
  return {
    isDirectory: stats.isDirectory(),
    isFile: stats.isFile(),
    isPipe: stats.isFIFO(),
    size: stats.size,
  };
}

/** A name that is too long, and links in a circle, name no file either. */
const leadsNowhere = ["ENOENT", "ENOTDIR", "ENAMETOOLONG", "ELOOP"];

function named(path: string, code: string, cause: Error): Error {
  if (cause instanceof TuError) return cause;
  if (leadsNowhere.includes(code)) {
    return new TuError("E_FILE_NOT_FOUND", `there is no file ${path === "" ? '""' : path}`, {
      hint: "check the spelling; a name with spaces needs quotes",
      cause,
    });
  }
  const isRefused = code === "EACCES" || code === "EPERM";
  const isStandardInput = path === "-";
  const name = isStandardInput ? "standard input" : path;
  return new TuError("E_FILE_UNREADABLE", `${name} cannot be read (${code})`, {
    hint: isStandardInput
      ? "check its source"
      : isRefused
        ? "check its permissions"
        : "check the file",
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
