import type { IncomingHttpHeaders } from "node:http";
import { type ErrorCode, TuError } from "../../pipeline/errors.ts";

/** Status and headers of a response. */
export type Answer = { readonly status: number; readonly headers: IncomingHttpHeaders };
export type Place = { readonly bucket: string; readonly host: string };
type Failed = Place & { readonly doing: string; readonly answer: Answer | null };
/** `isPassing`: the same request may work in a moment. */
export type Explained = { readonly error: TuError; readonly isPassing: boolean };

type Meaning = {
  readonly code: ErrorCode;
  readonly problem: (place: Place) => string;
  readonly hint: string;
};

const keys: Meaning = {
  code: "E_OBJECT_KEY_INVALID",
  problem: ({ host }) => `the object storage at ${host} has no place for this key`,
  hint: "use a key without a part that is another object's key, and without parts that are a single dot",
};
const credentials: Meaning = {
  code: "E_ACCESS_REFUSED",
  problem: ({ host }) =>
    `the object storage at ${host} does not accept the access key or its secret`,
  hint: "check the access key and the secret key",
};
const permission: Meaning = {
  code: "E_ACCESS_REFUSED",
  problem: ({ bucket, host }) =>
    `the object storage at ${host} does not allow this access key to do it in the bucket ${bucket}`,
  hint: "allow the access key s3:ListBucket on the bucket, and s3:GetObject, s3:PutObject and s3:DeleteObject on its objects",
};
const clock: Meaning = {
  code: "E_ACCESS_REFUSED",
  problem: ({ host }) =>
    `the clocks of this machine and of the object storage at ${host} differ too much`,
  hint: "set the clock; 15 minutes are tolerated",
};
const missing: Meaning = {
  code: "E_STATE_UNUSABLE",
  problem: ({ bucket, host }) => `the object storage at ${host} has no bucket ${bucket}`,
  hint: "create the bucket, or name the right one",
};
const region: Meaning = {
  code: "E_STATE_UNUSABLE",
  problem: ({ bucket, host }) =>
    `the bucket ${bucket} of the object storage at ${host} belongs to another region or endpoint`,
  hint: "check the region and the endpoint",
};
const full: Meaning = {
  code: "E_STATE_FULL",
  problem: ({ host }) => `no space left in the object storage at ${host}`,
  hint: "free some space, or raise the quota of the bucket",
};

/** S3's error codes, and those that MinIO (XMinio…) and Versity's gateway (XAdmin…) use beside them. */
const meanings: Readonly<Record<string, Meaning>> = {
  AccessDenied: permission,
  AuthorizationHeaderMalformed: region,
  ExistingObjectIsDirectory: keys,
  IllegalLocationConstraintException: region,
  InvalidAccessKeyId: credentials,
  InvalidRegion: region,
  KeyTooLongError: keys,
  MovedPermanently: region,
  NoSuchBucket: missing,
  ObjectParentIsFile: keys,
  PermanentRedirect: region,
  QuotaExceeded: full,
  RequestTimeTooSkewed: clock,
  SignatureDoesNotMatch: credentials,
  TemporaryRedirect: region,
  XAdminUserNotFound: credentials,
  XMinioAdminBucketQuotaExceeded: full,
  XMinioInvalidObjectName: keys,
  XMinioInvalidResourceName: keys,
  XMinioObjectExistsAsDirectory: keys,
  XMinioParentIsObject: keys,
  XMinioStorageFull: full,
};

const trustPattern = /^(?:CERT_|DEPTH_ZERO_|ERR_SSL_|ERR_TLS_|EPROTO$|SELF_SIGNED_|UNABLE_TO_)/;

/** S3's code of an answer, or the system's of a failed connection; empty if there is none. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return /^\w+$/.test(code) ? code : ""; // it came over the network
}

/**
 * What a request threw, as an error of ours that begins with what was being done. Of an answer only the code is taken:
 * the rest of it repeats the signature and what was signed.
 */
export function explain(error: unknown, failed: Failed): Explained {
  if (error instanceof TuError) return { error, isPassing: error.retryable };
  const meaning = failed.answer === null ? undefined : meanings[codeOf(error)];
  if (meaning !== undefined)
    return { error: meant(meaning, codeOf(error), failed), isPassing: false };
  return failed.answer === null
    ? unreachable(error, failed)
    : unexpected(error, failed, failed.answer.status);
}

function meant({ code, hint, problem }: Meaning, answered: string, failed: Failed): TuError {
  return new TuError(code, `${failed.doing}: ${problem(failed)} (${answered})`, { hint });
}

function unreachable(error: unknown, { doing, host }: Failed): Explained {
  const code = codeOf(error);
  if (code === "") throw error; // it was never sent: our mistake
  const isTrust = trustPattern.test(code);
  const hint = isTrust
    ? "check that the endpoint speaks TLS with a certificate for this name, and name the authority that signed it"
    : "check that it is running, and the endpoint";
  const message = `${doing}: the object storage at ${host} cannot be reached (${code})`;
  return {
    error: new TuError("E_SERVICE_UNAVAILABLE", message, { hint, cause: error }),
    isPassing: !isTrust,
  };
}

function unexpected(error: unknown, { doing, host }: Failed, status: number): Explained {
  const code = codeOf(error);
  const text = `${status}${code === "" ? "" : ` ${code}`}`;
  const isBroken = status < 300;
  const message = isBroken
    ? `${doing}: the answer of the object storage at ${host} is broken (${text})`
    : `${doing}: the object storage at ${host} answered ${text}`;
  const hint = "check that the endpoint is that of an S3 server, and its log";
  return {
    error: new TuError("E_SERVICE_UNAVAILABLE", message, { hint }),
    isPassing: isBroken || status >= 500 || status === 429 || status === 408,
  };
}
