import type { Headers } from "./headers.ts";

export type HttpRequest = {
  readonly method: "GET" | "POST" | "PUT";
  readonly url: string;
  readonly headers?: Headers;
  readonly body?: Uint8Array | string;
  /** For all of it; default 30 000. */
  readonly timeoutMs?: number;
  /** How long nothing may arrive, before the answer or within it. Default: as long as all of it may take. */
  readonly silenceMs?: number;
  /** Ends the request, which then has no answer. */
  readonly signal?: AbortSignal;
};

export type HttpResponse = {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
};

export interface HttpClient {
  /** Any status is a response. Throws E_SERVICE_UNAVAILABLE when there is none. */
  send(request: HttpRequest): Promise<HttpResponse>;
}
