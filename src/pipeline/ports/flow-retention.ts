import type { Message } from "../message.ts";

/** What is stored of one flow. */
export type KeptFlow = {
  readonly flowId: string;
  /** The object key of its picture. */
  readonly subject: string;
  /** When its first and last entries were recorded, in milliseconds since the epoch. */
  readonly firstAtMs: number;
  readonly lastAtMs: number;
  readonly entries: number;
  /** Of its entries, excluding indexes. */
  readonly sizeBytes: number;
  /** It owes nothing, and no consumer expects more of it. */
  readonly isFinished: boolean;
  /** Finished, and untouched for a minute. The newest flow of all is kept. */
  readonly isRemovable: boolean;
  readonly deadLetters: number;
};
/** The flow after which a page starts; null is the beginning. */
export type FlowPlace = number | null;

/** The flows stored in a journal: for inspection, and for removal. */
export interface FlowRetention {
  /** Flows after `after`, in the order they began. `next` is null after the last. */
  list(page: { after: FlowPlace; limit: number }): Promise<{
    readonly flows: readonly KeptFlow[];
    readonly next: FlowPlace;
  }>;
  count(): Promise<{ readonly finished: number; readonly underWay: number }>;
  /**
   * Removes the removable ones among them, each as a whole. Resolves with the ids of those removed. A message of a
   * removed flow is decided as if it were new.
   */
  remove(flowIds: readonly string[]): Promise<readonly string[]>;
  /** The message with that id, if any consumer has decided it. */
  taken(messageId: string): Promise<Message | undefined>;
  /** Throws E_STATE_BUSY while another run uses the journal. */
  requireAlone(): void;
  /** Removes everything, including flows in progress. Throws E_STATE_BUSY while another run uses the journal. */
  clear(): Promise<void>;
  /** Reclaims the space of what was removed. Throws E_STATE_BUSY while another run writes. */
  compact(): Promise<void>;
  /** Describes each inconsistency; empty if there is none. */
  verify(): Promise<readonly string[]>;
}
