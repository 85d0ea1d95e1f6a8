import { TuError } from "../../pipeline/errors.ts";
import type { HttpClient, HttpRequest } from "../../pipeline/ports/http-client.ts";

const timeoutMsDefault = 30_000;

/** Node's own fetch behind the port. Any status is a response; no response is E_SERVICE_UNAVAILABLE. */
export function createFetchHttpClient(): HttpClient {
  return {
    async send(request) {
      const limits = createLimits(request);
      try {
        const response = await fetch(request.url, {
          method: request.method,
          headers: { ...request.headers },
          ...(request.body === undefined ? {} : { body: bodyOf(request.body) }),
          redirect: "error",
          signal: limits.signal,
        });
        return {
          status: response.status,
          headers: Object.fromEntries(response.headers),
          body: await bytesOf(response, limits.heard),
        };
      } catch (error) {
        throw unavailable(request, error);
      } finally {
        limits.end();
      }
    },
  };
}

/** One signal for everything that ends a request. `AbortSignal.any` would keep each request for as long as its source. */
function createLimits({ signal, silenceMs, timeoutMs = timeoutMsDefault }: HttpRequest) {
  const over = new AbortController();
  const endAfter = (ms: number, what: string) =>
    setTimeout(() => over.abort(new Error(`${what} for ${ms} ms`)), ms);
  const whole = endAfter(timeoutMs, "it was not complete");
  const silence = silenceMs === undefined ? undefined : endAfter(silenceMs, "nothing came");
  const abort = () => over.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  return {
    signal: over.signal,
    /** Something has arrived. */
    heard: () => void silence?.refresh(),
    end() {
      clearTimeout(whole);
      clearTimeout(silence);
      signal?.removeEventListener("abort", abort);
    },
  };
}

async function bytesOf(response: Response, heard: () => void): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  const reader = response.body?.getReader();
  for (let isDone = reader === undefined; !isDone; ) {
    heard();
    const read = await reader?.read();
    if (read?.value !== undefined) pieces.push(read.value);
    isDone = read?.done !== false;
  }
  return new Uint8Array(Buffer.concat(pieces));
}

function bodyOf(body: Uint8Array | string): BodyInit {
  // A view over any buffer; fetch's type requires one that is not shared, and ours never is.
  return body as BodyInit;
}

function unavailable({ method, url }: HttpRequest, cause: unknown): TuError {
  // The query of a presigned URL is a secret.
  const { host, pathname } = new URL(url);
  return new TuError("E_SERVICE_UNAVAILABLE", `${method} ${host}${pathname} got no answer`, {
    hint: "check that the service is running",
    cause,
  });
}
