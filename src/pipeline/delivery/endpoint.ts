import type { Headers } from "../ports.ts";

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

export const jsonReply = (status: number, body: unknown): EndpointReply => ({ status, body });
/** RFC 9457, with the members that ASP.NET gives it. */
export const problemReply = (body: Readonly<Record<string, unknown>>): EndpointReply => ({
  status: Number(body["status"]),
  headers: { "content-type": "application/problem+json; charset=utf-8" },
  body: JSON.stringify(body),
});
export const textReply = (status: number, text: string): EndpointReply => ({
  status,
  headers: { "content-type": "text/plain; charset=utf-8" },
  body: text,
});

/** `/health` and `/`, as every service of the real system answers them. */
export function probes(service: string): readonly Endpoint[] {
  return [
    { method: "GET", path: "/health", hop: null, handle: async () => textReply(200, "Healthy") },
    {
      method: "GET",
      path: "/",
      hop: null,
      handle: async () => jsonReply(200, { service, status: "ok" }),
    },
  ];
}
