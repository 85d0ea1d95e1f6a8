import { headerNames } from "../delivery/headers.ts";
import type { Message } from "../message.ts";

// Size and checksum in an upload event are the client's claim. Our ingestion verifies them against the stored
// object and marks them; the deployed one does not, and its reference client makes them up.

export const verifiedClaim = { [headerNames.claim]: "verified" };

/** The upload without unverified fields. */
export function withoutUnverifiedClaim(upload: Message): Message {
  if (upload.headers[headerNames.claim] === "verified") return upload;
  const {
    bytes: _,
    checksum: __,
    ...payload
  } = { ...(upload.payload as object) } as Record<string, unknown>; // decoded by its contract: an object
  return { ...upload, payload };
}
