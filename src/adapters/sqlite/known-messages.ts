import { isDeepStrictEqual } from "node:util";
import type { Message } from "../../pipeline/message.ts";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type { JournalEntry } from "../../pipeline/ports/journal.ts";
import { haveSameHeaders, type Sender } from "./entry-row.ts";

/** Messages that entries of this file sent recently: an entry that takes one need not store it again. */
export type KnownMessages = {
  /** An entry is stored under that number. */
  add(entry: JournalEntry, seq: number): void;
  /** Who sent exactly this message; null if unknown. */
  senderOf(message: Message): Sender | null;
  /** The writes were rolled back. */
  clear(): void;
};

/** They are held with their payloads, so only a few: a message sent long ago is stored again. */
const messagesMax = 2048;
/** Well within the time for which a finished flow is kept: a referenced sender still exists. */
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
      // A message received over the wire may be spelled differently; it is then stored as received.
      return isSame(found.message, message) ? found.sender : null;
    },
    clear: () => known.clear(),
  };
}

const fields = [
  ...(["name", "kind", "flowId", "causationId"] as const),
  ...(["subject", "occurredAt", "producer", "schema"] as const),
] as const;

/** For two with one id. Usually the payload is the same object. */
function isSame(one: Message, other: Message): boolean {
  return (
    fields.every((field) => one[field] === other[field]) &&
    haveSameHeaders(one.headers, other.headers) &&
    (one.payload === other.payload || isDeepStrictEqual(one.payload, other.payload))
  );
}
