import type { Message, Timer } from "../message.ts";

/** What records dead letters, in place of a consumer: the message that is parked stays undecided. */
export const parking = "dead letters";

/** One decision of one consumer, exactly as it was taken: inbox, outbox and history in one record. */
export type JournalEntry = {
  readonly consumer: string;
  readonly message: Message;
  readonly outgoing: readonly Message[];
  readonly timers: readonly Timer[];
  /** For consumers that keep a state per flow; null for the others. */
  readonly flow: FlowRecord | null;
  /** What an entry of `parking` parks: that consumer is not waited for any more. Its decision stays open. */
  readonly parks?: { readonly consumer: string; readonly messageId: string };
};

export type FlowRecord = {
  /** 1 for the first entry of a flow, then without a gap. */
  readonly sequence: number;
  readonly state: unknown;
  /** True when the state is final: the flow's timers mean nothing any more. */
  readonly ended: boolean;
};

export type RecordResult =
  | { readonly outcome: "recorded" }
  /** This consumer decided this message before; here is what it decided. */
  | { readonly outcome: "duplicate"; readonly entry: JournalEntry }
  /** The flow's sequence is taken or leaves a gap: read again and decide again. */
  | { readonly outcome: "conflict" };

/** What somebody has to see to: a message that is to be sent (again), or a timer, and where that stands. */
export type Owed =
  | { readonly type: "message"; readonly message: Message }
  | { readonly type: "timer"; readonly timer: Timer; readonly place: JournalPlace };

/**
 * Who has to record a message before it counts as done, besides the transport that has to take it: with a
 * transport that dies with its process, the services of that process; with one that outlives it, nobody.
 */
export type OwedTo = (message: Message) => readonly string[];

/** A place in the order of recording. */
export type JournalPlace = { readonly seq: number; readonly position: number };

/** Failed tries of one consumer with one message, whichever process made them. */
export type Tries = {
  readonly count: number;
  /** ISO 8601, UTC. */
  readonly firstAt: string;
};

export interface Journal {
  /** Durable when it resolves, and so is all that was accepted before. Atomic: all of the entry or nothing. */
  record(entry: JournalEntry): Promise<RecordResult>;
  /**
   * Recorded when it resolves, and durable soon: before whatever is recorded later, together with it, or never
   * because the process died. Everybody in this process reads it at once, nobody else does. When the disk does
   * not take it, that is tried until it does, and everything else is refused meanwhile.
   */
  accept(entry: JournalEntry): Promise<RecordResult>;
  /** Resolves when all that was accepted is durable. Rejects when the disk does not take it now; it stays accepted. */
  durable(): Promise<void>;
  find(consumer: string, messageId: string): Promise<JournalEntry | undefined>;
  /** The last recorded state of a flow at a consumer. */
  flow(consumer: string, flowId: string): Promise<FlowRecord | undefined>;
  /** All entries of a flow, oldest first. The state of one that is neither the last nor ended the flow is null. */
  history(flowId: string): Promise<readonly JournalEntry[]>;
  /**
   * Transports have taken these outgoing messages. Written down lazily: after a crash some are owed once
   * more. What a consumer has recorded was sent, too.
   */
  sent(messages: readonly Message[]): void;
  /** Messages of this run that no transport has taken, behind a place, in the order of recording. */
  unsent(page: { after: JournalPlace | null; limit: number }): Promise<{
    readonly messages: readonly Message[];
    /** Null: there are no more. */
    readonly next: JournalPlace | null;
  }>;
  /**
   * Takes over what runs that are gone left undone, at most `limit` pieces in the order of recording; none
   * when nothing is left. What it gives is this run's own from then on, and never given to it again; a call
   * that rejects has given nothing.
   */
  adopt(limit: number): Promise<readonly Owed[]>;
  /** Timers by the places that `adopt` gave with them, in that order; null where its owner has recorded it, or its flow has ended. */
  waiting(places: readonly JournalPlace[]): Promise<readonly (Timer | null)[]>;
  /** Counts a failed try, durably. A record of that consumer and message, or `pardon`, forgets them. */
  failed(consumer: string, message: Message, at: string): Promise<Tries>;
  pardon(consumer: string, message: Message): Promise<void>;
}
