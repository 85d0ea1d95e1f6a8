import type {
  GroupStatus,
  LogSubscribeOptions,
  TopicPartition,
} from "../../pipeline/ports/event-log.ts";
import type { Partition } from "./log-partition.ts";
import type { Owner, Reader } from "./log-reader.ts";

/** One subscription of a group. */
export type Member = Owner & Pick<LogSubscribeOptions, "topics" | "onGroup">;

/** The members of a group, and the assignment of partitions to them. */
export type Group = {
  /** Fixes the group's position in partitions that it has not read before. */
  read(partitions: readonly Partition[], from: LogSubscribeOptions["from"]): void;
  add(member: Member): void;
  remove(member: Member): void;
  statusOf(member: Member): GroupStatus;
  committedOf(partition: Partition): number | null;
  /** The connection is gone: all partitions are unassigned. */
  lose(): void;
  /** The connection is back: all members rejoin. */
  rejoin(): void;
};

export function createGroup(
  openReader: (partition: Partition, from: LogSubscribeOptions["from"]) => Reader,
): Group {
  const readers = new Map<Partition, Reader>();
  const members = new Set<Member>();
  /** The last assignment reported to each member. */
  const told = new Map<Member, string>();
  let isLost = false;

  const readersOf = (member: Member) =>
    isLost ? [] : [...readers.values()].filter((reader) => reader.owner() === member);
  const deal = () => {
    if (isLost) return;
    for (const [{ index, topic }, reader] of readers) {
      const owners = [...members].filter(({ topics }) => topics.includes(topic));
      reader.assign(owners[index % owners.length] ?? null);
    }
    for (const member of members) {
      const partitions = readersOf(member).map(placeOf);
      const text = JSON.stringify(partitions);
      if (told.get(member) === text) continue;
      told.set(member, text);
      member.onGroup?.({ type: "assigned", partitions });
    }
  };
  return {
    read(partitions, from) {
      for (const partition of partitions)
        if (!readers.has(partition)) readers.set(partition, openReader(partition, from));
    },
    add(member) {
      members.add(member);
      deal();
    },
    remove(member) {
      members.delete(member);
      told.delete(member);
      deal();
    },
    statusOf: (member) => ({
      isMember: !isLost && members.has(member),
      partitions: readersOf(member).map((reader) => ({
        ...placeOf(reader),
        lag: reader.lag(),
        lastProgressAtMs: reader.lastProgressAtMs(),
      })),
    }),
    committedOf: (partition) => readers.get(partition)?.committed() ?? null,
    lose() {
      isLost = true;
      told.clear();
      for (const reader of readers.values()) reader.drop();
      for (const member of members) member.onGroup?.({ type: "lost" });
    },
    rejoin() {
      isLost = false;
      deal();
    },
  };
}

function placeOf({ partition: { index, topic } }: Reader): TopicPartition {
  return { topic, partition: index };
}
