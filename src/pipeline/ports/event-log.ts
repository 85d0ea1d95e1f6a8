import type { Subscription, Transport } from "./transport.ts";

/** A Kafka header: names may repeat, order is kept, a value is bytes or null. */
export type RecordHeader = { readonly name: string; readonly value: Uint8Array | null };

/** One record of a partitioned log (Kafka), passed through byte for byte. */
export type LogRecord = {
  readonly topic: string;
  /** Null: no key, which differs from an empty one. */
  readonly key: Uint8Array | null;
  readonly headers: readonly RecordHeader[];
  /** Null: a tombstone. */
  readonly body: Uint8Array | null;
};

export type LogDelivery = LogRecord & {
  readonly partition: number;
  readonly offset: number;
  /**
   * Marks this record as done. Resolves when it is marked, which is not durable yet: the group's offset is
   * committed periodically, and when the subscription closes. It follows the contiguous prefix of delivered records
   * that are done (offsets have gaps where records were compacted away), so after a crash some records are
   * redelivered although they were done: at most `window` per partition, plus those marked but not yet committed.
   */
  commit(): Promise<void>;
  /**
   * Not done: the record is redelivered after `delayMs`. Until then it counts towards `window`, and records with
   * its key wait; others proceed. Resolves when that is accepted, not after the delay.
   */
  retry(delayMs: number): Promise<void>;
};

export type TopicPartition = { readonly topic: string; readonly partition: number };

/** A change in a subscription's group membership. */
export type GroupChange =
  /** The complete current assignment, initial or after a rebalance; may be empty. */
  | { readonly type: "assigned"; readonly partitions: readonly TopicPartition[] }
  /**
   * No longer a member: evicted, or disconnected. It has no partitions, and committing records it had received
   * rejects with E_SERVICE_UNAVAILABLE. It rejoins by itself.
   */
  | { readonly type: "lost" };

/** For monitoring: a member with a lag and no recent progress has stalled. */
export type GroupStatus = {
  readonly isMember: boolean;
  readonly partitions: readonly (TopicPartition & {
    /** From the committed offset to the end of the partition, in offsets; 0 when everything is done. */
    readonly lag: number;
    /**
     * When a record was last done here. Never before the partition was assigned, nor before work arrived again
     * after the lag had been 0: idling is not stalling.
     */
    readonly lastProgressAtMs: number;
  })[];
};

export interface LogSubscription extends Subscription {
  /** What the client knows, without asking the broker. */
  status(): GroupStatus;
}

export type LogSubscribeOptions = {
  readonly group: string;
  readonly topics: readonly string[];
  /** Where a group without committed offsets starts. */
  readonly from: "earliest" | "latest";
  /** How many records of a partition are read ahead of the first one that is not done. */
  readonly window: number;
  readonly onGroup?: (change: GroupChange) => void;
};

/**
 * A record as a reading hands it over: there is nothing to settle. Its bytes belong to what was fetched with it, so
 * keeping a few of many keeps the others, too, unless they are copied.
 */
export type ReadRecord = LogRecord & {
  readonly partition: number;
  readonly offset: number;
  /** The record's own time, ms since the epoch: its producer's, unless the topic keeps the time of the log. */
  readonly atMs: number;
};

export type LogReadOptions = {
  readonly topics: readonly string[];
  /**
   * Each partition is read from its first record with this time or a later one on, whatever the times of those behind
   * it, or from its end if it has none. `end`: only what is appended from now on.
   */
  readonly fromMs: number | "end";
};

export interface LogReading extends Subscription {
  /** Of the topics, those that do not exist. They are not read, even if they are created later. */
  readonly missing: readonly string[];
  /**
   * Resolves when everything that was there when the reading began has been handled, or is gone. Rejects with
   * E_SERVICE_UNAVAILABLE if the reading is closed before.
   */
  readonly caughtUp: Promise<void>;
}

/** How far a group is in a partition. */
export type GroupLag = TopicPartition & {
  readonly group: string;
  /** Null where the group has committed nothing. Where it began may be committed, too. */
  readonly committed: number | null;
  /** The offset of the next record. */
  readonly end: number;
};

export interface EventLog extends Transport {
  /**
   * Creates the topic if it is missing. Throws E_TOPOLOGY_MISMATCH, and changes nothing, when it has another number
   * of partitions: keys would map to other partitions from then on.
   */
  createTopic(topic: { name: string; partitions: number }): Promise<void>;
  /**
   * Resolves when the log has accepted the record. A key always maps to the same partition; a record with an empty
   * key or none goes to any. Throws E_UNROUTABLE when the topic does not exist.
   */
  append(record: LogRecord): Promise<{ partition: number; offset: number }>;
  /**
   * Reads as a member of `group`, up to `window` records of a partition concurrently. Order is kept per key: a
   * record waits until its predecessor with the same key is done. Records with an empty key or none are unordered.
   * If the handler rejects, its record is redelivered after a short delay.
   */
  subscribe(
    options: LogSubscribeOptions,
    handler: (delivery: LogDelivery) => Promise<void>,
  ): Promise<LogSubscription>;
  /**
   * Reads without a group: takes no record from anybody, commits nothing, and needs no rights on groups. Resolves when
   * it is settled where each partition begins.
   *
   * Records are handled one at a time, those of a partition in order; the next one waits for the handler. Not much
   * more than one fetch is read ahead meanwhile. While the connection is lost, reading pauses; after `back` it goes on
   * behind the last record that was handled, so that each is handed over once, even if its handler rejects: that is
   * reported. Records that the log drops before they are read are passed over.
   */
  read(
    options: LogReadOptions,
    handler: (record: ReadRecord) => void | Promise<void>,
  ): Promise<LogReading>;
  /**
   * How far these groups are in these topics, asked from outside: for every group every partition, in order. Topics
   * that do not exist are passed over.
   */
  groupLags(groups: readonly string[], topics: readonly string[]): Promise<readonly GroupLag[]>;
}
