import { setTimeout as sleep } from "node:timers/promises";
import type { GroupLag, LogSubscribeOptions } from "../../pipeline/ports/event-log.ts";
import { nameOf } from "./assignment.ts";
import type { Connection } from "./connection.ts";
import { hasNoCoordinator, isUnknownTopic, noTopic } from "./errors.ts";

export function partitionCount(connection: Connection, name: string): Promise<number> {
  return connection.run(`looking at topic ${name}`, async ({ admin }) => {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [name] });
      return topics[0]?.partitions.length ?? 0;
    } catch (error) {
      throw isUnknownTopic(error) ? noTopic(name) : error;
    }
  });
}

/**
 * Where `latest` is, decided before the group is joined: kafkajs decides it with the first fetch, and what is appended
 * in between would be skipped.
 */
export async function startsOf(
  connection: Connection,
  { from, group, topics }: LogSubscribeOptions,
): Promise<Map<string, number>> {
  const starts = new Map<string, number>();
  for (const topic of topics) await partitionCount(connection, topic);
  if (from === "earliest") return starts;
  const committed = await committedBy(connection, group, topics);
  const ends = await endsOf(connection, topics);
  for (const [name, offset] of committed) {
    const end = ends.get(name);
    if (offset === null && end !== undefined) starts.set(name, end);
  }
  return starts;
}

/** The ends are asked last, so that nobody is ahead of them. */
export async function groupLags(
  connection: Connection,
  groups: readonly string[],
  topics: readonly string[],
): Promise<readonly GroupLag[]> {
  const counts = await Promise.all(
    [...new Set(topics)].map((topic) => existing(connection, topic)),
  );
  const places = counts.flatMap(({ count, topic }) =>
    Array.from({ length: count }, (_, partition) => ({ topic, partition })),
  );
  const known = counts.flatMap(({ count, topic }) => (count > 0 ? [topic] : []));
  if (known.length === 0) return [];
  const committed = await Promise.all(groups.map((group) => committedBy(connection, group, known)));
  const ends = await endsOf(connection, known);
  return groups.flatMap((group, at) =>
    places.map((place) => {
      const name = nameOf(place);
      return {
        ...{ group, ...place, committed: committed[at]?.get(name) ?? null },
        end: ends.get(name) ?? 0,
      };
    }),
  );
}

async function existing(connection: Connection, topic: string) {
  const look = partitionCount(connection, topic);
  const count = await look.catch((error: { readonly code?: string }) => {
    if (error.code === "E_UNROUTABLE") return 0;
    throw error;
  });
  return { topic, count };
}

/** By partition; null where there is nothing. */
async function committedBy(
  connection: Connection,
  group: string,
  topics: readonly string[],
): Promise<ReadonlyMap<string, number | null>> {
  const known = await connection.run(`asking for the offsets of ${group}`, ({ admin }) =>
    withCoordinator(() => admin.fetchOffsets({ groupId: group, topics: [...topics] })),
  );
  return new Map(
    known.flatMap(({ partitions, topic }) =>
      partitions.map(({ offset, partition }): [string, number | null] => [
        nameOf({ topic, partition }),
        Number(offset) < 0 ? null : Number(offset),
      ]),
    ),
  );
}

async function endsOf(
  connection: Connection,
  topics: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const ends = await Promise.all(
    topics.map(async (topic) => {
      const offsets = await connection.run(`asking for the end of ${topic}`, ({ admin }) =>
        admin.fetchTopicOffsets(topic),
      );
      return offsets.map(({ high, partition }): [string, number] => [
        nameOf({ topic, partition }),
        Number(high),
      ]);
    }),
  );
  return new Map(ends.flat());
}

const coordinatorPauseMs = 500;
const coordinatorTries = 20;

/** Repeats what a group without a coordinator refuses: a new cluster appoints one with the first group. */
async function withCoordinator<T>(ask: () => Promise<T>): Promise<T> {
  for (let left = coordinatorTries; ; left -= 1) {
    try {
      return await ask();
    } catch (error) {
      if (left === 0 || !hasNoCoordinator(error)) throw error;
      await sleep(coordinatorPauseMs);
    }
  }
}
