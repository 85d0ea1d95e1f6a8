import type { Endpoint, EndpointReply } from "../ports/endpoint.ts";

export const jsonReply = (status: number, body: unknown): EndpointReply => ({ status, body });
/** RFC 9457, with the members that ASP.NET adds. */
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

/** `/health` and `/`, with the responses of every real service. */
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
