import { TuError } from "../errors.ts";
import { orAborted } from "../or-aborted.ts";
import type { Clock } from "../ports/clock.ts";
import type { HttpClient, HttpRequest, HttpResponse } from "../ports/http-client.ts";

/**
 * For how long somebody who needs a store keeps asking. With the silence of the last request, this is below the timeout
 * of every step, so that an attempt ends before another one is requested.
 */
export const outageMs = 10_000;
/** For requests without a body: a server that works begins to answer sooner, and a half-open connection never does. */
export const silenceMs = 4000;

/** All that a PUT of so many bytes may take, at 100 kB/s: on a half-open connection it hears nothing in any case. */
export function putTimeoutMs(sizeBytes: number): number {
  return Math.min(5000 + sizeBytes / 100, 30_000);
}

const firstPauseMs = 200;
/** Once the other side is back, nobody waits for longer than this. */
const longestPauseMs = 1000;

/**
 * The same client, which outlasts an outage of the other side: a request without an answer, or with 408, 429 or 5xx, is
 * sent again, for at most `forMs` from now, which all requests share. Then the last answer is returned, or
 * E_SERVICE_UNAVAILABLE thrown. Only for requests that may arrive twice. Rejects at once with the reason of `signal`.
 */
export function throughOutages(
  http: HttpClient,
  options: { readonly clock: Clock; readonly forMs: number; readonly signal?: AbortSignal },
): HttpClient {
  const { clock, signal } = options;
  const elapsedMs = () => clock.elapsedMs?.() ?? clock.nowMs();
  const untilMs = elapsedMs() + options.forMs;
  const once = async (request: HttpRequest): Promise<HttpResponse | TuError> => {
    const sent = http.send(signal === undefined ? request : { ...request, signal });
    try {
      return await (signal === undefined ? sent : orAborted(sent, signal));
    } catch (error) {
      if (isNoAnswer(error)) return error;
      throw error;
    }
  };
  return {
    async send(request) {
      for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(2 * pauseMs, longestPauseMs)) {
        const outcome = await once(request);
        const isAway = outcome instanceof TuError || isTransient(outcome.status);
        if (isAway && elapsedMs() + pauseMs <= untilMs) await clock.sleep(pauseMs, signal);
        else if (outcome instanceof TuError) throw outcome;
        else return outcome;
      }
    },
  };
}

function isNoAnswer(error: unknown): error is TuError {
  return error instanceof TuError && error.code === "E_SERVICE_UNAVAILABLE";
}

function isTransient(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}
