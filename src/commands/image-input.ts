import { TuError } from "../pipeline/errors.ts";
import { tooLarge } from "../pipeline/operations/check-image.ts";
import { imageBytesMax } from "../pipeline/steps/image-access.ts";
import { openInput } from "./compose-images.ts";

// Images as named on the command line: files, and - for standard input.

/** Reads at most the maximum size of an image. Throws E_FILE_*, E_IMAGE_TOO_LARGE, and the signal's reason. */
export async function readImageFile(path: string, signal: AbortSignal): Promise<Uint8Array> {
  const { read } = await openInput();
  const onTooLarge = (sizeBytes: number) => namedFor(path, tooLarge(sizeBytes));
  return read(path, { bytesMax: imageBytesMax, onTooLarge, signal });
}

/** An error about an image names the image, once. */
export function namingFile(path: string, error: unknown): unknown {
  const isNamed = error instanceof TuError && error.code.startsWith("E_FILE_"); // their messages do
  return error instanceof TuError && !isNamed ? namedFor(path, error) : error;
}

function namedFor(path: string, error: TuError): TuError {
  const name = path === "-" ? "standard input" : path;
  const { code, hint, message } = error;
  return new TuError(code, `${name}: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}
