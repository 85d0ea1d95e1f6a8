import { TuError } from "../pipeline/errors.ts";
import { tooLarge } from "../pipeline/operations/check-image.ts";
import { imageBytesMax } from "../pipeline/services/image-access.ts";
import { openInput } from "./compose.ts";

// Images as they are named on the command line: files, and - for standard input.

/** At most what an image may have. Throws E_FILE_*, E_IMAGE_TOO_LARGE, and the signal's reason. */
export async function readImageFile(path: string, signal: AbortSignal): Promise<Uint8Array> {
  const { read } = await openInput();
  const reading = read(path, { bytesMax: imageBytesMax, onTooLarge: tooLarge, signal });
  return orAborted(reading, signal);
}

/** A pipe that says nothing, or a disk that does not answer, must not hold up a Ctrl-C. */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error); // whoever aborts here gives an error
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** What is wrong with an image says whose image it is. */
export function namingFile(path: string, error: unknown): unknown {
  if (!(error instanceof TuError)) return error;
  const name = path === "-" ? "standard input" : path;
  const { code, hint, message } = error;
  return new TuError(code, `${name}: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}
