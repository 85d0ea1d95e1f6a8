import type { Message, Timer } from "../../pipeline/message.ts";
import type { JournalEntry, OwedTo } from "../../pipeline/ports/journal.ts";
import { transport } from "./consumers.ts";
import { createPairs } from "./pairs.ts";

/** A message that a consumer must record or a transport must take, or a timer that must fire. */
export type Work = {
  readonly kind: "message" | "timer";
  readonly consumer: string;
  readonly messageId: string;
  readonly flowId: string;
  /** The entry that requested it, and the position among its outgoing messages or timers. */
  readonly seq: number;
  readonly position: number;
  readonly runner: number;
  /** No row of `pending` tells of it yet: it is done without a trace. */
  readonly isUnwritten?: true;
};
/** The effect of an entry on open work. */
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

/**
 * Work that entries opened and closed since the last checkpoint. Most is opened and closed in between, and so is
 * never written a second time.
 */
export type OpenWork = {
  /** In the order of recording. Noting an entry again changes nothing. */
  note(decided: Decided, owedTo: OwedTo): void;
  sent(messageId: string): void;
  /** A transport must take it again: the one that took it may be gone. */
  inherited(message: Message, place: Pick<Work, "seq" | "position" | "runner">): void;
  opened(): readonly Work[];
  closed(): readonly WorkKey[];
  isClosed(consumer: string, messageId: string): boolean;
  ended(): readonly FlowKey[];
  clear(): void;
};

export function createOpenWork(): OpenWork {
  const opened = createPairs<Work>();
  const closed = createPairs<true>();
  const ended = createPairs<true>();

  const open = (work: Work) => {
    const { consumer, messageId } = work;
    if (opened.get(consumer, messageId) !== undefined) return;
    if (closed.get(consumer, messageId) === undefined) opened.set(consumer, messageId, work);
  };
  // Includes work that is not open here, and work that is: another entry may have requested it earlier, on disk.
  const close = (consumer: string, messageId: string) => {
    opened.delete(consumer, messageId);
    closed.set(consumer, messageId, true);
  };
  return {
    note({ consumer, messageId, flowId, isEnded, outgoing, timers, parks, seq, runner }, owedTo) {
      close(consumer, messageId);
      close(transport, messageId);
      if (parks !== undefined) close(parks.consumer, parks.messageId);
      if (isEnded) ended.set(consumer, flowId, true);
      const place = { seq, runner };
      for (const [position, message] of outgoing.entries())
        for (const one of [transport, ...owedTo(message)])
          open({ kind: "message", consumer: one, ...idsOf(message), position, ...place });
      for (const [position, { owner, message }] of timers.entries())
        open({ kind: "timer", consumer: owner, ...idsOf(message), position, ...place });
    },
    sent(messageId) {
      if (opened.get(transport, messageId)?.isUnwritten === true)
        opened.delete(transport, messageId);
      else close(transport, messageId);
    },
    // After a crash this runs for a hundred thousand flows: without spreads, which take three times as long.
    inherited: ({ flowId, id: messageId }, { position, runner, seq }) =>
      open({
        kind: "message",
        consumer: transport,
        messageId,
        flowId,
        seq,
        position,
        runner,
        isUnwritten: true,
      }),
    opened: () =>
      opened
        .values()
        .filter(
          ({ kind, consumer, flowId }) =>
            kind === "message" || ended.get(consumer, flowId) === undefined,
        ),
    closed: () => closed.keys().map(([consumer, messageId]) => ({ consumer, messageId })),
    isClosed: (consumer, messageId) => closed.get(consumer, messageId) !== undefined,
    ended: () => ended.keys().map(([consumer, flowId]) => ({ consumer, flowId })),
    clear() {
      for (const pairs of [opened, closed, ended]) pairs.clear();
    },
  };
}

const idsOf = ({ id, flowId }: Message) => ({ messageId: id, flowId });
