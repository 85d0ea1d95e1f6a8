import { TuError } from "../../pipeline/errors.ts";
import type { HttpClient, HttpRequest } from "../../pipeline/ports/http-client.ts";

const timeoutMsDefault = 30_000;

/** Node's own fetch behind the port. Any status is a response; no response is E_SERVICE_UNAVAILABLE. */
export function createFetchHttpClient(): HttpClient {
  return {
    async send(request) {
      try {
        const response = await fetch(request.url, {
          method: request.method,
          headers: { ...request.headers },
          ...(request.body === undefined ? {} : { body: bodyOf(request.body) }),
          redirect: "error",
          signal: AbortSignal.timeout(request.timeoutMs ?? timeoutMsDefault),
        });
        return {
          status: response.status,
          headers: Object.fromEntries(response.headers),
          body: new Uint8Array(await response.arrayBuffer()),
        };
      } catch (error) {
        throw unavailable(request, error);
      }
    },
  };
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
