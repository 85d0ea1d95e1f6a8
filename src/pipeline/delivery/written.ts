import type { Route } from "../contracts/contract.ts";

type Payload = Record<string, unknown>;
type Written = { readonly route: Route; readonly body: Uint8Array; readonly payload: Payload };

/** Small: a message handed on by an embedded transport returns soon. */
const most = 4096;

/**
 * The content of bodies recently written by this process, by message. A reader that receives the very same bytes,
 * from any transport, need not parse them.
 */
export function createWritten() {
  const recent = new Map<string, Written>();
  return {
    add(messageId: string, written: Written): void {
      recent.delete(messageId); // to the end of the insertion order
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
