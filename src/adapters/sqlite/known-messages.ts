import { isDeepStrictEqual } from "node:util";
import type { Message } from "../../pipeline/message.ts";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type { JournalEntry } from "../../pipeline/ports/journal.ts";
import { haveSameHeaders, type Sender } from "./entry-row.ts";

/** Messages that entries of this file sent a short while ago: who takes one needs not write it again. */
export type KnownMessages = {
  /** An entry is written under that number. */
  add(entry: JournalEntry, seq: number): void;
  /** Who sent the very same message; null when it is not known. */
  senderOf(message: Message): Sender | null;
  /** What was written was rolled back. */
  clear(): void;
};

/** They are held with their payloads, so few: what was sent long ago is written again. */
const messagesMax = 2048;
/** Well within the time for which a finished flow is kept: a sender that is referred to is there. */
const knownForMs = 30_000;

type Known = { readonly message: Message; readonly sender: Sender; readonly atMs: number };

export function createKnownMessages(clock: Pick<Clock, "nowMs">): KnownMessages {
  const known = new Map<string, Known>();
  return {
    add({ outgoing }, seq) {
      for (const [position, message] of outgoing.entries())
        known.set(message.id, { message, sender: [seq, position], atMs: clock.nowMs() });
      for (const oldest of known.keys()) {
        if (known.size <= messagesMax) return;
        known.delete(oldest);
      }
    },
    senderOf(message) {
      const found = known.get(message.id);
      if (found === undefined || clock.nowMs() - found.atMs > knownForMs) return null;
      // A message that came over the wire may be spelled differently; then it is stored as it came.
      return isSame(found.message, message) ? found.sender : null;
    },
    clear: () => known.clear(),
  };
}

const fields = [
  ...(["name", "kind", "flowId", "causationId"] as const),
  ...(["subject", "occurredAt", "producer", "schema"] as const),
] as const;

/** Of two with one id. Most times the payload is the very same object. */
function isSame(one: Message, other: Message): boolean {
  return (
    fields.every((field) => one[field] === other[field]) &&
    haveSameHeaders(one.headers, other.headers) &&
    (one.payload === other.payload || isDeepStrictEqual(one.payload, other.payload))
  );
}
