import { isDeepStrictEqual } from "node:util";
import type { Message } from "../../pipeline/message.ts";
import type { JournalEntry } from "../../pipeline/ports.ts";
import type { Sender } from "./entry-row.ts";

/** Messages that entries of this file sent a short while ago: who takes one needs not write it again. */
export type KnownMessages = {
  /** An entry is committed under that number. */
  add(entry: JournalEntry, seq: number): void;
  /** Who sent the very same message; null when it is not known. */
  senderOf(message: Message): Sender | null;
};

/** They are held with their payloads, so few: what was sent long ago is written again. */
const messagesMax = 2048;

export function createKnownMessages(): KnownMessages {
  const known = new Map<string, { readonly message: Message; readonly sender: Sender }>();
  return {
    add({ outgoing }, seq) {
      for (const [position, message] of outgoing.entries())
        known.set(message.id, { message, sender: [seq, position] });
      for (const oldest of known.keys()) {
        if (known.size <= messagesMax) return;
        known.delete(oldest);
      }
    },
    senderOf(message) {
      const found = known.get(message.id);
      if (found === undefined) return null;
      // What came back from a wire may be spelled otherwise, and is then its own.
      return isDeepStrictEqual(found.message, message) ? found.sender : null;
    },
  };
}
