import { TuError } from "../pipeline/errors.ts";
import { tooLarge } from "../pipeline/operations/check-image.ts";
import { imageBytesMax } from "../pipeline/steps/image-access.ts";
import { openInput } from "./compose-images.ts";

// Images as named on the command line: files, and - for standard input.

/** Reads at most the maximum size of an image. Throws E_FILE_*, E_IMAGE_TOO_LARGE, and the signal's reason. */
export async function readImageFile(path: string, signal: AbortSignal): Promise<Uint8Array> {
  const { read } = await openInput();
  return read(path, { bytesMax: imageBytesMax, onTooLarge: tooLarge, signal });
}

/** An error about an image names the image. */
export function namingFile(path: string, error: unknown): unknown {
  if (!(error instanceof TuError)) return error;
  const name = path === "-" ? "standard input" : path;
  const { code, hint, message } = error;
  return new TuError(code, `${name}: ${message}`, {
    ...(hint === undefined ? {} : { hint }),
    cause: error,
  });
}
