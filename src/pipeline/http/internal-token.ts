import type { Endpoint, EndpointReply, EndpointRequest } from "../ports/endpoint.ts";
import { textReply } from "./replies.ts";

/** Sent by our callers, and by the deployed callers of storage. */
export const internalTokenHeader = "x-internal-token";

/** Restricts the endpoint to callers with the token; others get a 401, worded like the deployed storage service's. */
export function guarded(endpoint: Endpoint, internalToken: string): Endpoint {
  return {
    ...endpoint,
    handle: async (request) => refusal(request, internalToken) ?? endpoint.handle(request),
  };
}

function refusal(request: EndpointRequest, internalToken: string): EndpointReply | undefined {
  if (internalToken === "") return textReply(500, "Internal auth not configured");
  const token = request.headers[internalTokenHeader];
  if (token === undefined) return textReply(401, "Missing internal token");
  return token === internalToken ? undefined : textReply(401, "Invalid internal token");
}
