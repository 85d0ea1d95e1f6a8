import { crc32 } from "node:zlib";
import { TuError } from "../../pipeline/errors.ts";
import type { Clock, EventLog, LogDelivery, Subscription } from "../../pipeline/ports.ts";
import { createSystemClock } from "./clock.ts";
import { type OnHandlerError, redeliveryDelayMs, warnOfHandlerError } from "./handler-failure.ts";
import { createPartition, type Partition } from "./log-partition.ts";
import { createReader, type Reader } from "./log-reader.ts";
import { createSchedule } from "./schedule.ts";

export type MemoryEventLogOptions = {
  readonly clock?: Clock;
  /** Hears of every handler that rejects; without it the process prints a warning. */
  readonly onError?: OnHandlerError;
  /**
   * How many records a partition keeps for nobody: before the first group subscribes, and for
   * groups without an open subscription. What an open subscription has not committed always stays.
   */
  readonly retainRecords?: number;
};

type Member = {
  readonly group: string;
  readonly topics: readonly string[];
  readonly handler: (delivery: LogDelivery) => Promise<void>;
};
type Topic = {
  readonly partitions: readonly Partition[];
  readonly readers: Map<string, readonly Reader[]>;
};

/**
 * A partitioned log with consumer groups, like Kafka, in memory.
 *
 * 1. A group's position in a partition is fixed when it first subscribes, so that records appended
 *    while nobody of the group is there are delivered later.
 * 2. Each partition of a group belongs to one member; a membership change deals them anew.
 * 3. A record leaves when every group is past it (see `retainRecords`).
 *
 * `close` forgets the delayed retries; it does not wait for subscriptions.
 */
export function createMemoryEventLog(
  options: MemoryEventLogOptions = {},
): EventLog & { close(): void } {
  const clock = options.clock ?? createSystemClock();
  const onError = options.onError ?? warnOfHandlerError;
  const schedule = createSchedule<() => void>(clock, (action) => action());
  const topics = new Map<string, Topic>();
  const members = new Set<Member>();

  const topicOf = (name: string): Topic => {
    const topic = topics.get(name);
    if (topic !== undefined) return topic;
    throw new TuError("E_UNROUTABLE", `there is no topic ${name}`, {
      hint: "create the topics of the topology before using them",
    });
  };
  const deal = (group: string, name: string) => {
    const owners = [...members].filter((one) => one.group === group && one.topics.includes(name));
    for (const [index, reader] of (topicOf(name).readers.get(group) ?? []).entries())
      reader.assign(owners[index % owners.length] ?? null);
  };
  const join = (group: string, topic: Topic, from: "earliest" | "latest") => {
    if (topic.readers.has(group)) return;
    const readers = topic.partitions.map((partition) =>
      createReader({
        partition,
        from,
        retry: (delayMs, action) => void schedule.at(clock.nowMs() + delayMs, action),
        onError: (error) => {
          onError(error, `${group} of ${partition.topic}[${partition.index}]`);
          return redeliveryDelayMs;
        },
      }),
    );
    topic.readers.set(group, readers);
  };
  return {
    async createTopic({ name, partitions }) {
      if (!Number.isInteger(partitions) || partitions < 1)
        throw new TuError("E_USAGE", `topic ${name} needs at least one partition`);
      if (topics.has(name)) return;
      const retainRecords = options.retainRecords ?? 10_000;
      const created = Array.from({ length: partitions }, (_, index) =>
        createPartition({ topic: name, index, retainRecords }),
      );
      topics.set(name, { partitions: created, readers: new Map() });
    },
    async append(record) {
      const { partitions } = topicOf(record.topic);
      const partition = partitions[crc32(record.key) % partitions.length] as Partition; // the index is below the length
      return { partition: partition.index, offset: partition.append(record) };
    },
    async subscribe({ group, topics: names, from }, handler) {
      const joined = names.map((name) => topicOf(name));
      for (const topic of joined) join(group, topic, from);
      const member: Member = { group, topics: names, handler };
      members.add(member);
      for (const name of names) deal(group, name);
      return createSubscription(() => {
        members.delete(member);
        const mine = joined.flatMap((topic) => topic.readers.get(group) ?? []);
        const ended = mine.map((reader) => reader.ended(member));
        for (const name of names) deal(group, name);
        return ended;
      });
    },
    close: () => schedule.close(),
  };
}

/** `leave` runs once and gives what is still under way. */
function createSubscription(leave: () => readonly Promise<void>[]): Subscription {
  let ended: Promise<unknown> | null = null;
  return {
    async close() {
      ended ??= Promise.all(leave());
      await ended;
    },
  };
}
