import { headerNames } from "../delivery/headers.ts";
import type { Message } from "../message.ts";

// Size and checksum in an upload event are what the client said. Our ingestion compares them with the stored
// object and says so; the deployed one compares nothing, and its reference client makes them up.

export const verifiedClaim = { [headerNames.claim]: "verified" };

/** The upload without what nobody has verified. */
export function withoutUnverifiedClaim(upload: Message): Message {
  if (upload.headers[headerNames.claim] === "verified") return upload;
  const {
    bytes: _,
    checksum: __,
    ...payload
  } = { ...(upload.payload as object) } as Record<string, unknown>; // decoded by its contract: an object
  return { ...upload, payload };
}
