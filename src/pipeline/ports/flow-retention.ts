import type { Message } from "../message.ts";

/** What is kept of one flow. */
export type KeptFlow = {
  readonly flowId: string;
  /** The object key that it is about. */
  readonly subject: string;
  /** When its first and its last entry were recorded, in milliseconds since the epoch. */
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly entries: number;
  /** Of its entries, without what finds them. */
  readonly sizeBytes: number;
  /** Nothing of it is owed to anybody, and no consumer waits for more of it. */
  readonly isFinished: boolean;
  /** It is finished, and nobody has touched it for a minute. The newest flow of all stays. */
  readonly isRemovable: boolean;
  readonly deadLetters: number;
};
/** Behind which flow a page begins; null is the beginning. */
export type FlowPlace = number | null;

/** The flows that a journal keeps: for looking, and for letting go of them. */
export interface FlowRetention {
  /** Those behind `after`, in the order in which they began. `next` is null behind the last. */
  list(page: { after: FlowPlace; limit: number }): Promise<{
    readonly flows: readonly KeptFlow[];
    readonly next: FlowPlace;
  }>;
  count(): Promise<{ readonly finished: number; readonly underWay: number }>;
  /**
   * Removes those that are removable, each as a whole. Resolves with the ids of those that it removed. A message of a flow that is gone is decided as if it were new.
   */
  remove(flowIds: readonly string[]): Promise<readonly string[]>;
  /** The message of that id, if any consumer has decided on it. */
  taken(messageId: string): Promise<Message | undefined>;
  /** Throws E_STATE_BUSY while another run uses the journal. */
  requireAlone(): void;
  /** Removes all, whatever is under way. Throws E_STATE_BUSY while another run uses the journal. */
  clear(): Promise<void>;
  /** Gives back the space of what was removed. Throws E_STATE_BUSY while another run writes. */
  compact(): Promise<void>;
  /** What does not fit together, in words; empty when all is well. */
  verify(): Promise<readonly string[]>;
}
