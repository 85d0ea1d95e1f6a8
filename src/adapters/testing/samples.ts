import type { Message } from "../../pipeline/message.ts";
import type { JournalEntry } from "../../pipeline/ports/journal.ts";

export function sampleMessage(values: Partial<Message> & { readonly id: string }): Message {
  return {
    name: "sample",
    kind: "event",
    flowId: "flow-1",
    causationId: null,
    subject: "images/2025/11/22/a.jpg",
    occurredAt: "2025-11-22T10:00:00.000Z",
    producer: "svc-test",
    schema: "sample.v1",
    headers: {},
    payload: { note: "Ünï ' \" \u0000 \u{1f69c}", nested: [1, null, { a: true }] },
    ...values,
  };
}

export function sampleEntry(
  values: Partial<JournalEntry> & { readonly message: Message },
): JournalEntry {
  return { consumer: "svc-a", outgoing: [], timers: [], flow: null, ...values };
}
