import type { Message, Timer } from "../message.ts";

/** Records dead letters in place of a consumer: the parked message stays undecided. */
export const parking = "dead letters";

/** One decision of one consumer, exactly as made: inbox, outbox and history in one record. */
export type JournalEntry = {
  readonly consumer: string;
  readonly message: Message;
  readonly outgoing: readonly Message[];
  readonly timers: readonly Timer[];
  /** For consumers with state per flow; null for others. */
  readonly flow: FlowRecord | null;
  /** What an entry of `parking` parks: that consumer is no longer waited for. Its decision remains open. */
  readonly parks?: { readonly consumer: string; readonly messageId: string };
};

export type FlowRecord = {
  /** 1 for the first entry of a flow, then without gaps. */
  readonly sequence: number;
  readonly state: unknown;
  /** True when the state is final: the flow's timers no longer matter. */
  readonly ended: boolean;
};

export type RecordResult =
  | { readonly outcome: "recorded" }
  /** This consumer has already decided this message; `entry` is that decision. */
  | { readonly outcome: "duplicate"; readonly entry: JournalEntry }
  /** The flow's sequence number is taken or would leave a gap: read and decide again. */
  | { readonly outcome: "conflict" };

/** What remains to be done: a message to be sent (again), or a timer and its place in the journal. */
export type Owed =
  | { readonly type: "message"; readonly message: Message }
  | { readonly type: "timer"; readonly timer: Timer; readonly place: JournalPlace };

/**
 * Who has to record a message before it counts as done, besides the transport that has to take it: the services of
 * this process if the transport dies with it; no one if the transport outlives it.
 */
export type OwedTo = (message: Message) => readonly string[];

/** A place in the order of recording. */
export type JournalPlace = { readonly seq: number; readonly position: number };

/** Failed attempts of one consumer at one message, across all processes. */
export type Tries = {
  readonly count: number;
  /** ISO 8601, UTC. */
  readonly firstAt: string;
};

export interface Journal {
  /** Durable when it resolves, as is everything accepted before. Atomic: the whole entry or nothing. */
  record(entry: JournalEntry): Promise<RecordResult>;
  /**
   * Recorded when it resolves, and durable soon: before anything recorded later, together with it, or never if the
   * process dies. Visible at once in this process, and in no other. If the write to disk fails, it is retried until
   * it succeeds, and everything else is refused meanwhile.
   */
  accept(entry: JournalEntry): Promise<RecordResult>;
  /** Resolves when everything accepted is durable. Rejects if the disk cannot take it now; it stays accepted. */
  durable(): Promise<void>;
  find(consumer: string, messageId: string): Promise<JournalEntry | undefined>;
  /** The last state of a flow that a consumer recorded. */
  flow(consumer: string, flowId: string): Promise<FlowRecord | undefined>;
  /** All entries of a flow, oldest first. The state of an entry is null unless it is the last or ended the flow. */
  history(flowId: string): Promise<readonly JournalEntry[]>;
  /**
   * Transports have taken these outgoing messages. Written lazily: after a crash some are owed again. A message
   * that a consumer has recorded counts as sent, too.
   */
  sent(messages: readonly Message[]): void;
  /** Messages of this run that no transport has taken, after a place, in the order of recording. */
  unsent(page: { after: JournalPlace | null; limit: number }): Promise<{
    readonly messages: readonly Message[];
    /** Null: there are no more. */
    readonly next: JournalPlace | null;
  }>;
  /**
   * Adopts what dead runners left behind, at most `limit` items in the order of recording; none when nothing is
   * left. They belong to this run from then on and are never returned to it again; a call that rejects has adopted
   * nothing.
   */
  adopt(limit: number): Promise<readonly Owed[]>;
  /**
   * Timers by the places that `adopt` returned, in that order; null where its owner has recorded it, or its flow
   * has ended.
   */
  waiting(places: readonly JournalPlace[]): Promise<readonly (Timer | null)[]>;
  /** Counts a failed attempt, durably. A record of that consumer and message, or `pardon`, resets the count. */
  failed(consumer: string, message: Message, at: string): Promise<Tries>;
  pardon(consumer: string, message: Message): Promise<void>;
}
