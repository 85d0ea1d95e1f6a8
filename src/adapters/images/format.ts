import { TuError } from "../../pipeline/errors.ts";
import type { ImageFormat } from "../../pipeline/ports/images.ts";

// Determines a file's format from its first bytes; names and content types lie.

type Magic = { readonly kind: string; readonly at: number; readonly bytes: string };

const accepted: readonly (Magic & { readonly kind: ImageFormat })[] = [
  { kind: "jpeg", at: 0, bytes: "\xff\xd8\xff" },
  { kind: "png", at: 0, bytes: "\x89PNG\r\n\x1a\n" },
  { kind: "webp", at: 8, bytes: "WEBP" },
];

const refused: readonly Magic[] = [
  { kind: "GIF", at: 0, bytes: "GIF8" },
  { kind: "BMP", at: 0, bytes: "BM" },
  { kind: "TIFF", at: 0, bytes: "II*\0" },
  { kind: "TIFF", at: 0, bytes: "MM\0*" },
  { kind: "PDF", at: 0, bytes: "%PDF-" },
  { kind: "PSD", at: 0, bytes: "8BPS" },
  { kind: "ICO", at: 0, bytes: "\0\0\x01\0" },
  { kind: "JPEG XL", at: 0, bytes: "\xff\x0a" },
  { kind: "JPEG XL", at: 4, bytes: "JXL \r\n" },
  { kind: "JPEG 2000", at: 4, bytes: "jP  \r\n" },
  { kind: "AVIF", at: 4, bytes: "ftypavi" },
  { kind: "HEIC", at: 4, bytes: "ftyphei" },
  { kind: "HEIC", at: 4, bytes: "ftyphev" },
  { kind: "HEIC", at: 4, bytes: "ftypmif1" },
  { kind: "HEIC", at: 4, bytes: "ftypmsf1" },
  { kind: "video", at: 4, bytes: "ftyp" },
];

/** Throws E_IMAGE_EMPTY, E_IMAGE_TYPE_REFUSED, E_IMAGE_NOT_AN_IMAGE. */
export function formatOf(bytes: Uint8Array): ImageFormat {
  if (bytes.length === 0) {
    throw new TuError("E_IMAGE_EMPTY", "the file is empty", {
      hint: "copy or download it again",
    });
  }
  const known = accepted.find((magic) => has(bytes, magic));
  if (known && (known.kind !== "webp" || has(bytes, { at: 0, bytes: "RIFF" }))) return known.kind;
  const kind = refused.find((magic) => has(bytes, magic))?.kind ?? (isSvg(bytes) ? "SVG" : null);
  if (kind === null)
    throw notAnImage("the file is not an image: its first bytes match no known format");
  throw new TuError("E_IMAGE_TYPE_REFUSED", `files of type ${kind} are not accepted`, {
    hint: "convert it to JPEG, PNG or WebP first, for example: magick photo.in photo.jpg",
  });
}

export function notAnImage(message: string, cause?: unknown): TuError {
  return new TuError("E_IMAGE_NOT_AN_IMAGE", message, {
    hint: "provide a photograph as JPEG, PNG or WebP",
    cause,
  });
}

export function truncated(cause?: unknown): TuError {
  return new TuError("E_IMAGE_TRUNCATED", "the image ends before it is complete", {
    hint: "copy or download it again",
    cause,
  });
}

function has(bytes: Uint8Array, magic: { readonly at: number; readonly bytes: string }): boolean {
  return [...magic.bytes].every((sign, index) => bytes[magic.at + index] === sign.charCodeAt(0));
}

function isSvg(bytes: Uint8Array): boolean {
  const start = new TextDecoder().decode(bytes.subarray(0, 1024)).trimStart();
  return (
    /^<svg[\s>]/i.test(start) ||
    (/^<(?:\?xml|!--|!doctype)/i.test(start) && /<svg[\s>]/i.test(start))
  );
}
