import type { Route } from "../contracts/contract.ts";

type Payload = Record<string, unknown>;
type Written = { readonly route: Route; readonly body: Uint8Array; readonly payload: Payload };

/** Few: what an embedded transport hands on comes back soon. */
const most = 4096;

/**
 * What bodies say that were written in this process a short while ago, by message. Who gets the very same
 * bytes back, from whatever transport, needs not read them.
 */
export function createWritten() {
  const recent = new Map<string, Written>();
  return {
    add(messageId: string, written: Written): void {
      recent.delete(messageId); // to the end of the line
      recent.set(messageId, written);
      if (recent.size <= most) return;
      for (const oldest of recent.keys()) {
        recent.delete(oldest);
        return;
      }
    },
    payloadOf(messageId: string | undefined, route: Route, body: Uint8Array): Payload | undefined {
      const known = messageId === undefined ? undefined : recent.get(messageId);
      if (known === undefined || known.route !== route) return undefined;
      return Buffer.compare(known.body, body) === 0 ? known.payload : undefined;
    },
  };
}
