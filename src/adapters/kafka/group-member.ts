import type { Cluster, Consumer, EachBatchPayload, KafkaMessage } from "kafkajs";
import type { LogRecord, TopicPartition } from "../../pipeline/ports/event-log.ts";
import { nameOf } from "./assignment.ts";
import { type Client, type OpenClient, retry } from "./client.ts";
import { unavailable } from "./errors.ts";
import { createRangeAssigner } from "./range-assigner.ts";
import { headersFrom } from "./wire-headers.ts";
import { atMost, within } from "./within.ts";

export type Fetched = TopicPartition & {
  readonly records: readonly { readonly offset: number; readonly record: LogRecord }[];
  /** Behind the last offset that was read, which may have had no record for us. */
  readonly next: number;
  readonly highWatermark: number;
};

type Listener = {
  /** After each join; `isNew` when the broker did not know the member any more. */
  assigned(partitions: readonly TopicPartition[], isNew: boolean): void;
  /** About to rejoin: the last chance to commit for the current assignment. */
  rebalancing(): void;
  fetched(fetched: Fetched): void;
  /** It has ended by itself, for good. */
  ended(): void;
};

export type GroupMember = {
  readonly id: () => string | null;
  /** When kafkajs last did something, even if it was fetching nothing. */
  lastSignAtMs(): number;
  /** For how many calls in a row a broker has owed it an answer; 0 while it joins, which takes as long as others do. */
  countSilence(): number;
  setPaused(place: TopicPartition, isPaused: boolean): void;
  commit(offsets: readonly (TopicPartition & { offset: number })[]): Promise<void>;
  /** Leaves the group if the broker answers in time; nothing of it remains afterwards. */
  leave(): Promise<void>;
};

export type MemberOptions = {
  readonly group: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  /** A former self whose place in the group would have to time out before others get its partitions. */
  readonly formerId: string | null;
  /** Aborted: it ends at once, without a word to the broker, as after a lost connection. */
  readonly over: AbortSignal;
};

const prepareTimeoutMs = 8000;
const leaveTimeoutMs = 3000;

/** One life of a kafkajs consumer. It never restarts: whoever listens to `ended` begins another one. */
export async function joinGroup(
  openClient: OpenClient,
  options: MemberOptions,
  listener: Listener,
): Promise<GroupMember> {
  const { over } = options;
  if (over.aborted) throw unavailable("lost");
  const client = openClient(() => undefined);
  const { cluster, consumer } = createConsumer(client, options);
  const setPaused = createPauses(consumer);
  const life = hear(consumer, {
    ...listener,
    ended() {
      life.isOver = true;
      client.destroy();
      listener.ended();
    },
  });
  const abandon = () => {
    life.isOver = true;
    client.destroy();
    consumer.disconnect().catch(() => undefined); // it only stops the timers of kafkajs
  };
  const prepare = async () => {
    await consumer.connect();
    await consumer.subscribe({ topics: [...options.topics], fromBeginning: true });
    if (options.formerId !== null) await leaveAs(cluster(), options.group, options.formerId);
  };
  over.addEventListener("abort", abandon, { once: true });
  try {
    await within(prepareTimeoutMs, `connecting ${options.group}`, prepare());
    await consumer.run({
      ...{ autoCommit: false, eachBatchAutoResolve: false },
      eachBatch: async (payload) => {
        if (!life.isOver) listener.fetched(fetchedFrom(payload));
      },
    });
  } catch (error) {
    abandon();
    throw error;
  }
  return {
    ...{ id: () => life.memberId, lastSignAtMs: () => life.signAtMs },
    countSilence: () => (life.isJoining ? 0 : client.countSilence()),
    setPaused(place, isPaused) {
      if (!life.isOver) setPaused(place, isPaused);
    },
    async commit(offsets) {
      await consumer.commitOffsets(
        offsets.map(({ offset, ...place }) => ({ ...place, offset: String(offset) })),
      );
    },
    async leave() {
      life.isOver = true;
      await atMost(leaveTimeoutMs, consumer.disconnect());
      client.destroy();
    },
  };
}

type Life = { isOver: boolean; isJoining: boolean; memberId: string | null; signAtMs: number };

/** Keeps what kafkajs tells of a consumer, and passes it on until that is over. */
function hear(consumer: Consumer, listener: Listener): Life {
  const { events } = consumer;
  const life: Life = { isOver: false, isJoining: true, memberId: null, signAtMs: Date.now() };
  const listen = <T>(work: (event: T) => void) =>
    function hearing(event: T): void {
      life.signAtMs = Date.now();
      if (!life.isOver) work(event);
    };
  consumer.on(
    events.GROUP_JOIN,
    listen(({ payload }) => {
      const isNew = life.memberId !== null && life.memberId !== payload.memberId;
      life.memberId = payload.memberId;
      life.isJoining = false;
      const places = Object.entries(payload.memberAssignment);
      const assigned = places.flatMap(([topic, partitions]) =>
        partitions.map((partition) => ({ topic, partition })),
      );
      listener.assigned(assigned, isNew);
    }),
  );
  consumer.on(
    events.REBALANCING,
    listen(() => {
      life.isJoining = true;
      listener.rebalancing();
    }),
  );
  consumer.on(
    events.CRASH,
    listen(() => listener.ended()),
  );
  consumer.on(
    events.FETCH,
    listen(() => undefined),
  );
  // Also for batches of markers only, which never get to `eachBatch`.
  consumer.on(
    events.END_BATCH_PROCESS,
    listen(({ payload: { lastOffset, partition, topic } }) => {
      const [next, highWatermark] = [Number(lastOffset) + 1, 0];
      listener.fetched({ topic, partition, records: [], next, highWatermark });
    }),
  );
  return life;
}

function createConsumer(client: Client, { group, sessionTimeoutMs }: MemberOptions) {
  let cluster: Cluster | null = null;
  const consumer: Consumer = client.kafka.consumer({
    groupId: group,
    sessionTimeout: sessionTimeoutMs,
    rebalanceTimeout: 3 * sessionTimeoutMs,
    heartbeatInterval: Math.round(sessionTimeoutMs / 20),
    // A resumed partition joins the next request, so requests are short.
    maxWaitTimeInMs: 100,
    allowAutoTopicCreation: false,
    metadataMaxAge: 30_000,
    retry: { ...retry, restartOnFailure: async () => false },
    partitionAssigners: [
      createRangeAssigner(client.protocol, (given) => {
        cluster = given;
      }),
    ],
  });
  return { cluster: () => cluster, consumer };
}

/** Tells kafkajs only what changes: it is asked after every record. */
function createPauses(consumer: Consumer): GroupMember["setPaused"] {
  const paused = new Set<string>();
  return ({ partition, topic }, isPaused) => {
    const name = nameOf({ partition, topic });
    if (paused.has(name) === isPaused) return;
    const places = [{ topic, partitions: [partition] }];
    if (isPaused) {
      paused.add(name);
      consumer.pause(places);
    } else {
      paused.delete(name);
      consumer.resume(places);
    }
  };
}

/** Kafka's request LeaveGroup, which kafkajs has but does not declare. */
type Leaving = { leaveGroup(request: { groupId: string; memberId: string }): Promise<unknown> };

async function leaveAs(cluster: Cluster | null, groupId: string, memberId: string): Promise<void> {
  if (cluster === null) return;
  const coordinator = (await cluster.findGroupCoordinator({ groupId })) as unknown as Leaving; // see there
  await coordinator.leaveGroup({ groupId, memberId }).catch((error: unknown) => {
    // Gone already. A coordinator that is still loading has heard nothing, and the group would wait for the session.
    if (error instanceof Error && "retriable" in error && error.retriable === true) throw error;
  });
}

function fetchedFrom({ batch, resolveOffset }: EachBatchPayload): Fetched {
  const { highWatermark, messages, partition, topic } = batch;
  const [last] = messages.slice(-1);
  if (last !== undefined) resolveOffset(last.offset);
  return {
    ...{ topic, partition, highWatermark: Number(highWatermark) },
    next: Number(batch.lastOffset()) + 1,
    records: messages.map((message) => ({
      offset: Number(message.offset),
      record: recordFrom(topic, message),
    })),
  };
}

function recordFrom(topic: string, { headers, key, value }: KafkaMessage): LogRecord {
  return { topic, key, headers: headersFrom(headers), body: value };
}
