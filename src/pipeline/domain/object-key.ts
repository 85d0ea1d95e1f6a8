import { TuError } from "../errors.ts";
import type { PresignRequest } from "../ports/object-store.ts";
import { toIso } from "../time.ts";

/** The storage service's rules for keys, with the rule codes of its 422 responses. */
export type KeyProblem =
  | "Required"
  | "MaxLengthExceeded"
  | "InvalidPathShape"
  | "InvalidPathTraversal"
  | "InvalidCharacterSet";

export function problemWithKey(key: string): KeyProblem | undefined {
  if (key.trim() === "") return "Required";
  if (key.length > 200) return "MaxLengthExceeded";
  if (key.startsWith("/") || key.endsWith("/")) return "InvalidPathShape";
  if (key.includes("..") || key.includes("//")) return "InvalidPathTraversal";
  return /^[A-Za-z0-9/_.-]+$/.test(key) ? undefined : "InvalidCharacterSet";
}

/** Throws E_OBJECT_KEY_INVALID. */
export function requireObjectKey(key: string): void {
  if (problemWithKey(key) === undefined) return;
  throw new TuError("E_OBJECT_KEY_INVALID", `${JSON.stringify(key)} is not a valid object key`, {
    hint: "use at most 200 letters, digits, / _ - and ., without .. or //, and without / at either end",
  });
}

/** Whether a URL can be signed for it: it must fit into one header of ordinary length. */
export function isSignable(contentType: string): boolean {
  return /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/.test(contentType);
}

const longestSeconds = 3600;

/** Throws E_OBJECT_KEY_INVALID, and E_USAGE for a lifetime or a content type that cannot be signed. */
export function requirePresignable(request: PresignRequest): void {
  const { contentType, expiresInSeconds, key, method } = request;
  requireObjectKey(key);
  const isLifetime = Number.isInteger(expiresInSeconds) && expiresInSeconds >= 1;
  if (!isLifetime || expiresInSeconds > longestSeconds)
    throw new TuError("E_USAGE", `a URL is valid for 1 to ${longestSeconds} seconds`);
  if (method === "PUT" && !isSignable(contentType))
    throw new TuError("E_USAGE", `${JSON.stringify(contentType)} is not a content type`);
}

const extensions: Readonly<Record<string, string>> = {
  "image/jpeg": "jpg",
  "image/png": "png",
  "image/webp": "webp",
};

/**
 * `images/{yyyy}/{MM}/{dd}/{uuid}.{ext}` by the UTC date. A plain extension from the client is kept; an odd one
 * (which the real services accept here and refuse later, with a 500) is replaced by that of the content type.
 */
export function objectKeyFor(options: {
  filename: string;
  contentType: string;
  uuid: string;
  nowMs: number;
}): string {
  const [year, month, day] = toIso(options.nowMs).slice(0, 10).split("-");
  const own = /\.([A-Za-z0-9]{1,10})$/.exec(options.filename)?.[1]?.toLowerCase();
  const extension = own ?? extensions[options.contentType.toLowerCase()] ?? "jpg";
  return `images/${year}/${month}/${day}/${options.uuid}.${extension}`;
}
