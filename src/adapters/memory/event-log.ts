import { crc32 } from "node:zlib";
import { TuError } from "../../pipeline/errors.ts";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type {
  EventLog,
  GroupLag,
  LogRecord,
  LogSubscribeOptions,
  LogSubscription,
} from "../../pipeline/ports/event-log.ts";
import { createSystemClock } from "./clock.ts";
import { createConnection, type Outage, onlyOnce } from "./connection.ts";
import { type OnHandlerError, redeliveryDelayMs, warnOfHandlerError } from "./handler-failure.ts";
import { createGroup, type Group, type Member } from "./log-group.ts";
import { createPartition, keyText, type Partition } from "./log-partition.ts";
import { createReader } from "./log-reader.ts";
import { createReadings } from "./log-reading.ts";
import { createSchedule } from "./schedule.ts";

export type MemoryEventLogOptions = {
  readonly clock?: Clock;
  /** Called for every handler that rejects; without it the process prints a warning. */
  readonly onError?: OnHandlerError;
  /**
   * How many records a partition retains without a reader: before the first group subscribes, and for groups without
   * an open subscription. Records that an open subscription has not committed are always retained.
   */
  readonly retainRecords?: number;
};
export type MemoryEventLog = EventLog &
  Outage & {
    /** Keeps only the last record of each key, which leaves gaps between the offsets. */
    compact(topic: string): void;
  };

type Topic = {
  readonly partitions: readonly Partition[];
  /** Where the next record without a key goes. */
  turn: number;
};

/**
 * A partitioned log with consumer groups, like Kafka, in memory.
 *
 * 1. A group's position in a partition is fixed when it first subscribes, so that records appended while the group
 *    has no members are delivered later.
 * 2. Each partition of a group belongs to one member; a membership change reassigns them.
 * 3. A record is removed when every group and every reading is past it (see `retainRecords`).
 */
export function createMemoryEventLog(options: MemoryEventLogOptions = {}): MemoryEventLog {
  const clock = options.clock ?? createSystemClock();
  const schedule = createSchedule<() => void>(clock, (action) => action());
  const later = (delayMs: number, action: () => void) =>
    void schedule.at(clock.nowMs() + delayMs, action);
  const topics = createTopics(options.retainRecords ?? 10_000);
  const groups = new Map<string, Group>();
  const subscriptions = new Set<LogSubscription>();
  const readings = createReadings();
  const onError = options.onError ?? warnOfHandlerError;
  const connection = createConnection("the log", {
    onLost: () => {
      for (const group of groups.values()) group.lose();
    },
    onBack: () => {
      for (const group of groups.values()) group.rejoin();
      readings.resume();
    },
  });
  const openGroup = (name: string): Group =>
    createGroup((partition, from) =>
      createReader({
        partition,
        from,
        nowMs: clock.nowMs,
        later,
        hold: connection.hold,
        onError: (error) => {
          onError(error, `${name} of ${partition.topic}[${partition.index}]`);
          return redeliveryDelayMs;
        },
      }),
    );
  const join = (given: LogSubscribeOptions, handler: Member["handler"]): LogSubscription => {
    const joined = given.topics.flatMap((name) => topics.of(name).partitions);
    const group = groups.get(given.group) ?? openGroup(given.group);
    groups.set(given.group, group);
    group.read(joined, given.from);
    const member: Member = { ...given, handler, running: new Set() };
    group.add(member);
    const leave = async () => {
      group.remove(member);
      subscriptions.delete(subscription);
      await Promise.all(member.running);
    };
    const subscription = { status: () => group.statusOf(member), close: onlyOnce(leave) };
    subscriptions.add(subscription);
    return subscription;
  };
  return {
    onState: connection.onState,
    lose: connection.lose,
    restore: connection.restore,
    async createTopic(topic) {
      connection.requireUp();
      topics.create(topic);
    },
    async append(record) {
      connection.requireUp();
      return topics.append(record, clock.nowMs());
    },
    async subscribe(given, handler) {
      connection.requireUp();
      if (!Number.isInteger(given.window) || given.window < 1)
        throw new TuError("E_USAGE", `the window of ${given.group} must be at least 1`);
      return join(given, handler);
    },
    async read({ fromMs, topics: names }, handler) {
      connection.requireUp();
      const { missing, partitions } = topics.split(names);
      return readings.begin({
        ...{ partitions, missing, fromMs, handler, onError, isUp: connection.isUp },
      });
    },
    async groupLags(named, names) {
      connection.requireUp();
      const { partitions } = topics.split(names);
      return named.flatMap((name) => lagsOf(name, groups.get(name), partitions));
    },
    compact: topics.compact,
    close: onlyOnce(async () => {
      await Promise.all([...subscriptions, readings].map((one) => one.close()));
      connection.close();
      schedule.close();
    }),
  };
}

function lagsOf(
  name: string,
  group: Group | undefined,
  partitions: readonly Partition[],
): readonly GroupLag[] {
  return partitions.map((partition) => ({
    ...{ group: name, topic: partition.topic, partition: partition.index },
    committed: group?.committedOf(partition) ?? null,
    end: partition.nextOffset(),
  }));
}

function createTopics(retainRecords: number) {
  const topics = new Map<string, Topic>();
  const of = (name: string): Topic => {
    const topic = topics.get(name);
    if (topic !== undefined) return topic;
    throw new TuError("E_UNROUTABLE", `there is no topic ${name}`, {
      hint: "create the topics of the topology before using them",
    });
  };
  return {
    of,
    /** The partitions of those that exist, and the names of the others. */
    split(names: readonly string[]) {
      const distinct = [...new Set(names)];
      return {
        partitions: distinct.flatMap((name) => topics.get(name)?.partitions ?? []),
        missing: distinct.filter((name) => !topics.has(name)),
      };
    },
    compact(name: string) {
      for (const partition of of(name).partitions) partition.compact();
    },
    create({ name, partitions }: { name: string; partitions: number }) {
      if (!Number.isInteger(partitions) || partitions < 1)
        throw new TuError("E_USAGE", `topic ${name} needs at least one partition`);
      const existing = topics.get(name)?.partitions.length ?? partitions;
      if (existing !== partitions)
        throw new TuError(
          "E_TOPOLOGY_MISMATCH",
          `topic ${name} has a partition count of ${existing}, not ${partitions}`,
          { hint: "recreate the topic; another number would move keys to other partitions" },
        );
      if (topics.has(name)) return;
      const created = Array.from({ length: partitions }, (_, index) =>
        createPartition({ topic: name, index, retainRecords }),
      );
      topics.set(name, { partitions: created, turn: 0 });
    },
    append(record: LogRecord, atMs: number) {
      const topic = of(record.topic);
      const place = keyText(record.key) === null ? topic.turn++ : crc32(record.key ?? "");
      const partition = topic.partitions[place % topic.partitions.length] as Partition; // below the length
      return { partition: partition.index, offset: partition.append(record, atMs) };
    },
  };
}
