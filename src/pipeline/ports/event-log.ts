import type { Subscription, Transport } from "./transport.ts";

/** A header as Kafka has it: names may repeat, their order is kept, a value is bytes or absent. */
export type RecordHeader = { readonly name: string; readonly value: Uint8Array | null };

/** One record of a partitioned log (Kafka). All of it is passed through byte for byte. */
export type LogRecord = {
  readonly topic: string;
  /** Null: the record has none. That is something else than an empty one. */
  readonly key: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  /** Null: a tombstone. */
  readonly body: Uint8Array | null;
};

export type LogDelivery = LogRecord & {
  readonly partition: number;
  readonly offset: number;
  /**
   * Done with this record. Resolves when that is marked, which is not yet durable: the group's offset is
   * written behind from time to time, and when the subscription closes. It stands behind the contiguous
   * prefix of records that were delivered and are done (offsets have gaps where records were compacted
   * away), so after a crash some that were done come again, at most `window` of a partition and those
   * that were marked but not written.
   */
  commit(): Promise<void>;
  /**
   * Not done: the record is delivered again after `delayMs`. Until then it uses up one of `window`, and
   * records with its key wait; others go on. Resolves when that is accepted, not after the delay.
   */
  retry(delayMs: number): Promise<void>;
};

export type TopicPartition = { readonly topic: string; readonly partition: number };

/** What a subscription hears of its place in the group. */
export type GroupChange =
  /** All that it has now, after a rebalance or for the first time; may be none. */
  | { readonly type: "assigned"; readonly partitions: readonly TopicPartition[] }
  /**
   * It is no member any more: thrown out, or the connection is lost. It has no partitions, and
   * committing what it was given rejects with E_SERVICE_UNAVAILABLE. It joins again by itself.
   */
  | { readonly type: "lost" };

/** For whoever watches: a member with a lag whose last progress is long ago has stalled. */
export type GroupStatus = {
  readonly isMember: boolean;
  readonly partitions: readonly (TopicPartition & {
    /** From the committed offset to the end of the partition, in offsets; 0 when all is done. */
    readonly lag: number;
    /**
     * When a record was last done here. Not before the partition was assigned, nor before there was
     * something to do again after the lag had been 0: idling is not stalling.
     */
    readonly lastProgressAtMs: number;
  })[];
};

export interface LogSubscription extends Subscription {
  /** As far as the client knows, without asking the broker. */
  status(): GroupStatus;
}

export type LogSubscribeOptions = {
  readonly group: string;
  readonly topics: readonly string[];
  /** Where a group without committed offsets begins. */
  readonly from: "earliest" | "latest";
  /** How far a partition is read ahead of its first record that is not done, in records. */
  readonly window: number;
  readonly onGroup?: (change: GroupChange) => void;
};

export interface EventLog extends Transport {
  /**
   * Creates the topic when it is missing. Throws E_TOPOLOGY_MISMATCH when it has another number of
   * partitions, and changes nothing: keys would land elsewhere from then on.
   */
  createTopic(topic: { name: string; partitions: number }): Promise<void>;
  /**
   * Resolves when the log has taken the record. The same key always lands in the same partition; a record
   * with an empty key or none lands in any. Throws E_UNROUTABLE when there is no such topic.
   */
  append(record: LogRecord): Promise<{ partition: number; offset: number }>;
  /**
   * Reads as a member of `group`, up to `window` records of a partition side by side. Order is kept per
   * key: a record waits until its predecessor with the same key is done. Records with an empty key or
   * none have no order. A handler that rejects has its record delivered again, after a moment.
   */
  subscribe(
    options: LogSubscribeOptions,
    handler: (delivery: LogDelivery) => Promise<void>,
  ): Promise<LogSubscription>;
}
