import type { Message, Timer } from "../../pipeline/message.ts";
import type { JournalEntry, OwedTo } from "../../pipeline/ports.ts";

/** Somebody has to record a message, a transport has to take it, or a timer has to fire. */
export type Work = {
  readonly kind: "message" | "timer";
  readonly consumer: string;
  readonly messageId: string;
  readonly flowId: string;
  /** The entry that asks for it, and the place among its outgoing messages or timers. */
  readonly seq: number;
  readonly position: number;
  readonly runner: number;
};
/** What an entry does to the open work. */
export type Decided = {
  readonly seq: number;
  readonly runner: number;
  readonly consumer: string;
  readonly messageId: string;
  readonly flowId: string;
  readonly isEnded: boolean;
  readonly outgoing: readonly Message[];
  readonly timers: readonly Timer[];
  readonly parks?: JournalEntry["parks"];
};
export type WorkKey = { readonly consumer: string; readonly messageId: string };
export type FlowKey = { readonly consumer: string; readonly flowId: string };

/** In place of a consumer: the transport that has to take a message. */
export const transport = "";

/**
 * What entries opened and closed since the last checkpoint. Most work is opened and closed in
 * between, and so never reaches the disk a second time.
 */
export type OpenWork = {
  /** In the order of recording. Noting an entry again changes nothing. */
  note(decided: Decided, owedTo: OwedTo): void;
  sent(messageId: string): void;
  opened(): readonly Work[];
  closed(): readonly WorkKey[];
  ended(): readonly FlowKey[];
  clear(): void;
};

export function createOpenWork(): OpenWork {
  const opened = new Map<string, Work>();
  const closed = new Map<string, WorkKey>();
  const ended = new Map<string, FlowKey>();

  const open = (work: Work) => {
    const key = keyOf(work.consumer, work.messageId);
    if (!opened.has(key) && !closed.has(key)) opened.set(key, work);
  };
  // Also what is not open here: it may be on the disk, written by whoever made the last checkpoint.
  const close = (consumer: string, messageId: string) => {
    const key = keyOf(consumer, messageId);
    opened.delete(key);
    closed.set(key, { consumer, messageId });
  };
  return {
    note({ consumer, messageId, flowId, isEnded, outgoing, timers, parks, seq, runner }, owedTo) {
      close(consumer, messageId);
      close(transport, messageId);
      if (parks !== undefined) close(parks.consumer, parks.messageId);
      if (isEnded) ended.set(keyOf(consumer, flowId), { consumer, flowId });
      const place = { seq, runner };
      for (const [position, message] of outgoing.entries())
        for (const one of [transport, ...owedTo(message)])
          open({ kind: "message", consumer: one, ...idsOf(message), position, ...place });
      for (const [position, { owner, message }] of timers.entries())
        open({ kind: "timer", consumer: owner, ...idsOf(message), position, ...place });
    },
    sent: (messageId) => close(transport, messageId),
    opened: () =>
      [...opened.values()].filter(
        ({ kind, consumer, flowId }) => kind === "message" || !ended.has(keyOf(consumer, flowId)),
      ),
    closed: () => [...closed.values()],
    ended: () => [...ended.values()],
    clear() {
      opened.clear();
      closed.clear();
      ended.clear();
    },
  };
}

const keyOf = (consumer: string, id: string) => `${consumer}\u0000${id}`;
const idsOf = ({ id, flowId }: Message) => ({ messageId: id, flowId });
