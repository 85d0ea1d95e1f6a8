import { readFile } from "node:fs/promises";
import type { GoogleAuth } from "google-gax";
import { TuError } from "../../pipeline/errors.ts";

export type CredentialSettings = {
  /** Null: those stored by `gcloud auth application-default login`, or the machine's own account. */
  readonly keyFile: string | null;
  /** The billed project, if the credentials do not name one. */
  readonly quotaProject: string | null;
};

const scopes = ["https://www.googleapis.com/auth/cloud-vision"];
/** A machine without a metadata server fails within milliseconds, or never. */
const patienceMs = 5_000;

/**
 * Credentials that exist and can be read; whether the service accepts them shows on the first call. Throws
 * E_VISION_CREDENTIALS. No error contains the file's content: none has the original as its cause.
 */
export async function loadCredentials(settings: CredentialSettings): Promise<GoogleAuth> {
  const { default: gax } = await import("google-gax");
  silenceLookup();
  const { keyFile, quotaProject } = settings;
  const clientOptions = quotaProject === null ? {} : { quotaProjectId: quotaProject };
  const key = keyFile === null ? {} : { credentials: await readKey(keyFile) };
  const auth = new gax.GoogleAuth({ scopes, clientOptions, ...key });
  auth.useJWTAccessWithScope = true; // a service account's key signs by itself, without the sign-in
  try {
    await within(patienceMs, auth.getClient());
    return auth;
  } catch {
    throw keyFile === null
      ? credentialsError("no Google credentials were found on this machine")
      : unusable(keyFile, "is not a valid Google key");
  }
}

/**
 * On a machine without a metadata server, gcp-metadata reports how it found out by `process.emitWarning`, sometimes
 * after we stopped waiting. Disabling detection (METADATA_SERVER_DETECTION=none) would lock out machines that have
 * one; our own error covers the result.
 */
function silenceLookup(): void {
  const emit = process.emitWarning;
  process.emitWarning = (...warning: readonly unknown[]) => {
    if (!warning.includes("MetadataLookupWarning")) Reflect.apply(emit, process, warning);
  };
}

/** Obtains the token of the next call beforehand, so that a failure of the call itself is the service's. */
export async function refreshToken(auth: Pick<GoogleAuth, "getRequestHeaders">): Promise<void> {
  try {
    await auth.getRequestHeaders();
  } catch (error) {
    if (isAnswered(error)) throw credentialsError("Google does not accept these credentials");
    if (isUnreachable(error))
      throw new TuError("E_VISION_UNAVAILABLE", "Google's sign-in cannot be reached");
    throw credentialsError("the Google credentials cannot be used to sign in");
  }
}

async function readKey(keyFile: string): Promise<Record<string, unknown>> {
  const text = await readFile(keyFile, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw unusable(keyFile, `cannot be read (${error.code ?? "unknown"})`);
  });
  const key = parseObject(text);
  if (key === undefined) throw unusable(keyFile, "is not a JSON object");
  return key;
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? { ...value } : undefined;
  } catch {
    return undefined; // the parser's message quotes the file
  }
}

function unusable(keyFile: string, why: string): TuError {
  return credentialsError(`GOOGLE_APPLICATION_CREDENTIALS: ${keyFile} ${why}`);
}

function credentialsError(message: string): TuError {
  return new TuError("E_VISION_CREDENTIALS", message);
}

/** The sign-in responded, and refused. 5xx and 429 are its own problem, not that of the credentials. */
function isAnswered(error: unknown): boolean {
  const status = statusOf(error);
  return status !== undefined && status < 500 && status !== 429;
}

function isUnreachable(error: unknown): boolean {
  return statusOf(error) !== undefined || (error instanceof Error && "config" in error);
}

/** gaxios sets the HTTP status of a response, and none if there was no response. */
function statusOf(error: unknown): number | undefined {
  if (!(error instanceof Error) || !("status" in error)) return undefined;
  return typeof error.status === "number" ? error.status : undefined;
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error("no answer in time")), ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
