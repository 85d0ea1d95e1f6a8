import type {
  LogDelivery,
  LogSubscribeOptions,
  LogSubscription,
} from "../../pipeline/ports/event-log.ts";
import { type Assignment, createAssignment, nameOf } from "./assignment.ts";
import type { Connection } from "./connection.ts";
import { createDeliveries } from "./deliveries.ts";
import { unavailable } from "./errors.ts";
import type { Fetched, GroupMember } from "./group-member.ts";
import { createMembership } from "./membership.ts";
import type { PartitionReader } from "./partition-reader.ts";
import { createStallWatch } from "./stall-watch.ts";
import { atMost } from "./within.ts";

export type SubscriptionOptions = LogSubscribeOptions & {
  readonly handler: (delivery: LogDelivery) => Promise<void>;
  readonly connection: Connection;
  readonly sessionTimeoutMs: number;
  /** Where the group begins in partitions without a committed offset; the others begin at their first record. */
  readonly starts: Map<string, number>;
  /** Reports a handler that rejected. */
  readonly onError: (error: unknown, where: string) => void;
};

const commitIntervalMs = 500;
const commitTimeoutMs = 5000;

/**
 * What a group has given us, read and handled until it is closed, through any number of memberships.
 *
 * 1. Work leaves kafkajs at once, so that it fetches and sends heartbeats meanwhile: readers buffer what was fetched,
 *    and a partition is paused while more than another window of it waits.
 * 2. Only contiguous prefixes of what is done are committed, and only for the partitions held now.
 * 3. While it closes it remains a member until the running handlers have ended and what they did is committed.
 */
export function createSubscription(options: SubscriptionOptions) {
  const { connection, group, topics } = options;
  const assignment = createAssignment(options);
  const deliveries = createDeliveries({ ...options, assignment, onDone: (reader) => pump(reader) });
  let isClosing = false;

  const pump = (reader: PartitionReader) => {
    const isHeld = assignment.readers.get(nameOf(reader)) === reader;
    if (isClosing || !connection.isUp() || !isHeld) return;
    for (const flight of reader.take()) deliveries.start(reader, flight);
    membership.current()?.setPaused(reader, reader.isFull());
  };
  const pumpAll = () => {
    for (const reader of assignment.readers.values()) pump(reader);
  };
  const fetched = ({ highWatermark, next, records, ...place }: Fetched) => {
    const reader = assignment.readers.get(nameOf(place));
    reader?.feed(records, next, highWatermark);
    if (reader !== undefined) pump(reader);
  };
  let flushing = Promise.resolve();
  /** One at a time: repeated, an earlier one could land behind a later one. What fails is due the next time. */
  const flush = (member: GroupMember | null) => {
    flushing = flushing.then(() => atMost(commitTimeoutMs, commitDue(assignment, member)));
    return flushing;
  };
  const membership = createMembership({
    ...{ assignment, connection, fetched, flush },
    ...{ group, topics, sessionTimeoutMs: options.sessionTimeoutMs, onJoined: pumpAll },
  });
  const watch = createStallWatch({
    ...{ connection, group, topics, readers: assignment.readers, restart: membership.restart },
    nowMs: Date.now,
  });
  const timer = setInterval(() => void flush(membership.current()), commitIntervalMs);
  const detach = connection.attach({
    lose: membership.drop,
    rejoin: membership.join,
    resume: pumpAll,
    watch: async () => {
      const member = membership.current();
      if (member !== null && assignment.isMember()) await watch(member);
    },
  });
  const close = async () => {
    isClosing = true;
    await deliveries.close();
    clearInterval(timer);
    detach();
    if (connection.isUp()) await flush(membership.current());
    await membership.close();
  };
  const subscription: LogSubscription = { status: assignment.status, close: onlyOnce(close) };
  return { subscription, begin: membership.begin };
}

async function commitDue(assignment: Assignment, member: GroupMember | null): Promise<void> {
  const [due, began] = [assignment.due(), assignment.era()];
  if (member === null || due.length === 0) return;
  await member.commit(due);
  if (began !== assignment.era()) throw unavailable("lost in the meantime");
  assignment.committed(due);
}

/** Runs once; later callers wait for the same completion. */
export function onlyOnce(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null;
  return async () => {
    done ??= work();
    await done;
  };
}
