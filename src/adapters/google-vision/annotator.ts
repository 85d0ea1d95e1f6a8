import * as z from "zod";
import { TuError } from "../../pipeline/errors.ts";
import type { Annotator } from "../../pipeline/ports/annotator.ts";
import { openClient, parseEndpoint, type VisionClient } from "./client.ts";
import { type CredentialSettings, loadCredentials, refreshToken } from "./credentials.ts";
import { isFailure, statusError } from "./errors.ts";
import { features, maxResults } from "./features.ts";

export type GoogleSettings = CredentialSettings & {
  /** `https://…`, or `http://…` for an emulator, which gets no credentials. */
  readonly endpoint: string;
  /** The timeout of one call, including sign-in and connecting. */
  readonly timeoutMs: number;
};

/**
 * Google Cloud Vision over gRPC: one call per picture, one attempt per call. Throws E_VISION_CREDENTIALS if there
 * are none; `close` cancels pending calls.
 */
export async function createGoogleAnnotator(settings: GoogleSettings): Promise<Annotator> {
  const endpoint = parseEndpoint(settings.endpoint);
  const auth = endpoint.isSecure ? await loadCredentials(settings) : null;
  const client = await openClient(endpoint, auth);
  const closing = new AbortController();
  return {
    features,
    async annotate(image, { signal } = {}) {
      const startedAtMs = performance.now();
      const until = AbortSignal.timeout(settings.timeoutMs);
      const stop = AbortSignal.any([closing.signal, ...(signal === undefined ? [] : [signal])]);
      stop.throwIfAborted();
      if (auth !== null) await signedIn(refreshToken(auth), stop, until);
      const leftMs = settings.timeoutMs - (performance.now() - startedAtMs);
      return answerOf(await call(client, { image, stop, timeoutMs: Math.max(1, leftMs) }));
    },
    async close() {
      closing.abort(
        new TuError("E_VISION_UNAVAILABLE", "the connection to Google Vision is closed"),
      );
      await client.close();
    },
  };
}

async function call(
  client: VisionClient,
  options: { image: Uint8Array; stop: AbortSignal; timeoutMs: number },
): Promise<unknown> {
  const { image, stop, timeoutMs } = options;
  const answer = client.batchAnnotateImages(requestOf(image), { timeout: timeoutMs });
  const cancel = () => answer.cancel();
  stop.addEventListener("abort", cancel, { once: true });
  try {
    const [response] = await answer;
    return response;
  } catch (error) {
    stop.throwIfAborted();
    throw failureOf(error);
  } finally {
    stop.removeEventListener("abort", cancel);
  }
}

function requestOf(image: Uint8Array): object {
  const asked = features.map((type) => ({ type, maxResults }));
  return { requests: [{ image: { content: image }, features: asked }] };
}

const Failure = z.object({ code: z.int(), details: z.string().catch("") });

/** A call ends with a status; anything else is our bug and is rethrown unchanged. */
function failureOf(error: unknown): unknown {
  const { data } = Failure.safeParse(error);
  if (data === undefined) return error;
  return statusError("Google Vision", { code: data.code, message: data.details }, error);
}

const Response = z.object({ responses: z.array(z.looseObject({})).min(1) });
const Refusal = z.object({ error: z.object({ code: z.int(), message: z.string().catch("") }) });

/** The single answer in a response. It may report a failure for the picture, with the rest empty. */
function answerOf(response: unknown): unknown {
  const { data } = Response.safeParse(response);
  const [answer] = data?.responses ?? [];
  if (answer === undefined) {
    throw new TuError("E_VISION_UNAVAILABLE", "Google Vision sent an empty response");
  }
  const refusal = Refusal.safeParse(answer);
  if (refusal.success && isFailure(refusal.data.error))
    throw statusError("Google Vision refused the picture", refusal.data.error);
  return withoutEmpty(answer);
}

/** gRPC returns unset fields as null and []; the REST API omits them. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== "object" || value === null) return value;
  const isSet = (field: unknown) => field !== null && !(Array.isArray(field) && field.length === 0);
  const fields = Object.entries(value).filter(([, field]) => isSet(field));
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutEmpty(field)]));
}

/** The sign-in cannot be cancelled, but its callers can stop waiting. */
function signedIn(work: Promise<void>, stop: AbortSignal, until: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // Set by the caller's abort.
    stop.addEventListener("abort", () => reject(stop.reason as Error), { once: true });
    until.addEventListener(
      "abort",
      () => reject(new TuError("E_VISION_DEADLINE", "Google's sign-in did not answer in time")),
      { once: true },
    );
    work.then(resolve, reject);
  });
}
