import type { Headers } from "./headers.ts";

export type HttpRequest = {
  readonly method: "GET" | "POST" | "PUT";
  readonly url: string;
  readonly headers?: Headers;
  readonly body?: Uint8Array | string;
  /** Default 30 000. */
  readonly timeoutMs?: number;
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
