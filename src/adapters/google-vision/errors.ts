import { type ErrorCode, TuError } from "../../pipeline/errors.ts";

/** google.rpc.Status, which ends a call or reports the failure of one picture in an answer. */
export type Status = { readonly code: number; readonly message: string };

const ok = 0;

type Meaning = readonly [name: string, code: ErrorCode];

/** google.rpc.Code. Codes not listed are permanent refusals. */
const meanings: Readonly<Record<number, Meaning>> = {
  1: ["CANCELLED", "E_VISION_UNAVAILABLE"],
  2: ["UNKNOWN", "E_VISION_UNAVAILABLE"],
  3: ["INVALID_ARGUMENT", "E_VISION_REFUSED"],
  4: ["DEADLINE_EXCEEDED", "E_VISION_DEADLINE"],
  5: ["NOT_FOUND", "E_VISION_REFUSED"],
  7: ["PERMISSION_DENIED", "E_VISION_CREDENTIALS"],
  8: ["RESOURCE_EXHAUSTED", "E_VISION_QUOTA"],
  9: ["FAILED_PRECONDITION", "E_VISION_REFUSED"],
  10: ["ABORTED", "E_VISION_UNAVAILABLE"],
  12: ["UNIMPLEMENTED", "E_VISION_REFUSED"],
  13: ["INTERNAL", "E_VISION_UNAVAILABLE"],
  14: ["UNAVAILABLE", "E_VISION_UNAVAILABLE"],
  16: ["UNAUTHENTICATED", "E_VISION_CREDENTIALS"],
};

/** The error of a call, or of a picture, with this status. Only the code distinguishes them. */
export function statusError(what: string, { code, message }: Status, cause?: unknown): TuError {
  const [name, errorCode] = meanings[code] ?? [`status ${code}`, "E_VISION_REFUSED"];
  const said = message === "" ? "" : `, ${message}`;
  return new TuError(errorCode, `${what}: ${name}${said}`, { cause });
}

export function isFailure({ code }: Status): boolean {
  return code !== ok;
}
