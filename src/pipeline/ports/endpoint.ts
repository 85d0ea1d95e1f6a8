import type { Headers } from "./headers.ts";

/** An HTTP request as a service sees it. Header names are lower case. */
export type EndpointRequest = {
  readonly method: string;
  /** Path and query exactly as they came in. */
  readonly target: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
};
export type EndpointReply = {
  readonly status: number;
  readonly headers?: Headers;
  /** Text and bytes go out as they are, everything else as JSON. */
  readonly body: unknown;
};
/** One HTTP edge of a service. An adapter mounts it; the simulation calls it. */
export type Endpoint = {
  readonly method: "GET" | "POST" | "PUT";
  /** A path, or a prefix ending in `/*`. */
  readonly path: string;
  /** How the hop is called in a story; none for probes. */
  readonly hop: string | null;
  handle(request: EndpointRequest): Promise<EndpointReply>;
};
