import type {
  GroupStatus,
  LogSubscribeOptions,
  TopicPartition,
} from "../../pipeline/ports/event-log.ts";
import { createPartitionReader, type PartitionReader } from "./partition-reader.ts";

export type OffsetOf = TopicPartition & { readonly offset: number };

/** What a subscription holds at the moment, and what of it is committed. */
export type Assignment = {
  readonly readers: ReadonlyMap<string, PartitionReader>;
  isMember(): boolean;
  /** Counts the memberships: whatever belongs to an earlier one is stale. */
  era(): number;
  /** The complete assignment after a join. Partitions held before go on where they are. */
  assign(partitions: readonly TopicPartition[]): void;
  /** No longer a member. */
  lose(): void;
  /** Nothing is held any more, and nobody is told. */
  end(): void;
  /** The offsets to commit. */
  due(): readonly OffsetOf[];
  committed(offsets: readonly OffsetOf[]): void;
  status(): GroupStatus;
};

export const nameOf = ({ partition, topic }: TopicPartition) => `${topic}/${partition}`;

export function createAssignment(
  options: Pick<LogSubscribeOptions, "onGroup" | "window"> & {
    /** Where the group begins in partitions without a committed offset; the others begin at their first record. */
    readonly starts: Map<string, number>;
  },
): Assignment {
  const readers = new Map<string, PartitionReader>();
  const committed = new Map<string, number>();
  let era = 0;
  let isMember = false;
  /** The assignment that was last reported. */
  let told = "";

  const hold = (place: TopicPartition) => {
    const name = nameOf(place);
    if (readers.has(name)) return;
    const reader = createPartitionReader({ ...place, window: options.window, nowMs: Date.now });
    readers.set(name, reader);
    const start = options.starts.get(name);
    if (start !== undefined) reader.startAt(start);
  };
  const end = () => {
    era += 1;
    readers.clear();
    committed.clear();
    told = "";
  };
  const letGo = (name: string) => {
    readers.delete(name);
    committed.delete(name);
    options.starts.delete(name); // its next owner commits
  };
  return {
    readers,
    isMember: () => isMember,
    era: () => era,
    assign(partitions) {
      isMember = true;
      const names = new Set(partitions.map(nameOf));
      for (const name of readers.keys()) if (!names.has(name)) letGo(name);
      for (const place of partitions) hold(place);
      const text = JSON.stringify([...names].sort());
      if (text === told) return;
      told = text;
      options.onGroup?.({ type: "assigned", partitions });
    },
    end() {
      end();
      isMember = false;
    },
    lose() {
      end();
      if (!isMember) return;
      isMember = false;
      options.onGroup?.({ type: "lost" });
    },
    due: () =>
      [...readers].flatMap(([name, reader]) => {
        const { partition, topic } = reader;
        const offset = reader.committable();
        const isDue = offset !== null && offset !== committed.get(name);
        return isDue ? [{ topic, partition, offset }] : [];
      }),
    committed(offsets) {
      for (const place of offsets) {
        committed.set(nameOf(place), place.offset);
        options.starts.delete(nameOf(place));
      }
    },
    status: () => ({
      isMember,
      partitions: [...readers.values()].map((reader) => ({
        ...{ topic: reader.topic, partition: reader.partition },
        ...{ lag: reader.lag(), lastProgressAtMs: reader.lastProgressAtMs() },
      })),
    }),
  };
}
