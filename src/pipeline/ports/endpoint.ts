import type { Headers } from "./headers.ts";

/** An HTTP request as a service sees it. Header names are lower case. */
export type EndpointRequest = {
  readonly method: string;
  /** Path and query exactly as received. */
  readonly target: string;
  readonly headers: Headers;
  readonly body: Uint8Array;
};
export type EndpointReply = {
  readonly status: number;
  readonly headers?: Headers;
  /** Text and bytes are sent as they are, anything else as JSON. */
  readonly body: unknown;
};
/** One HTTP endpoint of a service. An adapter mounts it; the simulation calls it directly. */
export type Endpoint = {
  readonly method: "GET" | "POST" | "PUT";
  /** A path, or a prefix ending in `/*`. */
  readonly path: string;
  /** The name of the hop in a story; null for probes. */
  readonly hop: string | null;
  handle(request: EndpointRequest): Promise<EndpointReply>;
};
