import type { Endpoint, EndpointReply, EndpointRequest } from "../ports/endpoint.ts";
import { textReply } from "./replies.ts";

/** Callers of ours name it like this; the deployed ones of storage do, too. */
export const internalTokenHeader = "x-internal-token";

/** The same endpoint for those alone who know the token; 401 in the words of the deployed storage service. */
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
