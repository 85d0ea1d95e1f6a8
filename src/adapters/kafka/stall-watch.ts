import { nameOf } from "./assignment.ts";
import type { Connection } from "./connection.ts";
import type { GroupMember } from "./group-member.ts";
import type { PartitionReader } from "./partition-reader.ts";

/** Seconds: a fetch is answered within a tenth of one, and heartbeats go out twice in one. */
const silencesMax = 6;
const signlessMs = 15_000;
const stalledMs = 20_000;
const lookEveryMs = 3000;

type Watched = {
  readonly connection: Pick<Connection, "run">;
  readonly group: string;
  readonly topics: readonly string[];
  readonly readers: ReadonlyMap<string, PartitionReader>;
  readonly restart: () => void;
  readonly nowMs: () => number;
};

/**
 * A consumer of kafkajs may wait for an answer that never comes, send heartbeats and fetch nothing, or stop without a
 * word. It is restarted when a connection has owed an answer for some seconds, when kafkajs gave no sign for a while, or
 * when a partition with nothing in hand stays behind its end, which the brokers are asked for. A slow handler is none of
 * these: its records are in hand. Called once a second; seconds of silence are counted, not measured, so that a process
 * that was held up itself blames nobody.
 */
export function createStallWatch(options: Watched) {
  const { connection, group, nowMs, readers, restart, topics } = options;
  const behind = new Map<PartitionReader, { readonly at: number; readonly sinceMs: number }>();

  const isStalled = (reader: PartitionReader): boolean => {
    const at = reader.idleAt();
    const known = behind.get(reader);
    if (at === null || at >= reader.end()) behind.delete(reader);
    else if (known?.at !== at) behind.set(reader, { at, sinceMs: nowMs() });
    else return nowMs() - known.sinceMs > stalledMs;
    return false;
  };
  /** Where the group is in partitions from which nothing was fetched yet. */
  const place = async () => {
    const unplaced = [...readers.values()].filter((reader) => reader.committable() === null);
    if (unplaced.length === 0) return;
    const known = await connection.run("asking for offsets", ({ admin }) =>
      admin.fetchOffsets({ groupId: group, topics: [...topics] }),
    );
    for (const { partitions, topic } of known)
      for (const { offset, partition } of partitions)
        if (Number(offset) >= 0) readers.get(nameOf({ topic, partition }))?.startAt(Number(offset));
  };
  const learnEnds = async () => {
    for (const topic of topics) {
      const ends = await connection.run("asking for offsets", ({ admin }) =>
        admin.fetchTopicOffsets(topic),
      );
      for (const { high, partition } of ends)
        readers.get(nameOf({ topic, partition }))?.sawEnd(Number(high));
    }
  };
  const look = async () => {
    await place();
    await learnEnds();
    const held = new Set(readers.values());
    for (const reader of behind.keys()) if (!held.has(reader)) behind.delete(reader);
    if (![...held].some(isStalled)) return;
    behind.clear();
    restart();
  };
  let isLooking = false;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  return async (member: Pick<GroupMember, "lastSignAtMs" | "countSilence">): Promise<void> => {
    const isSilent = member.countSilence() >= silencesMax;
    if (isSilent || nowMs() - member.lastSignAtMs() > signlessMs) {
      restart();
      return;
    }
    if (isLooking || nowMs() - lookedAtMs < lookEveryMs) return;
    isLooking = true;
    lookedAtMs = nowMs();
    await look().finally(() => {
      isLooking = false;
    });
  };
}
