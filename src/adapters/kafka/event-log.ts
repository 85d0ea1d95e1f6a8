import { setTimeout as sleep } from "node:timers/promises";
import { TuError } from "../../pipeline/errors.ts";
import type {
  EventLog,
  LogReading,
  LogSubscribeOptions,
  LogSubscription,
} from "../../pipeline/ports/event-log.ts";
import { createAppender } from "./appender.ts";
import { type KafkaOptions, loadClients } from "./client.ts";
import { type Connection, createConnection } from "./connection.ts";
import { groupLags, partitionCount, startsOf } from "./group-offsets.ts";
import { beginReading } from "./log-reading.ts";
import { createSubscription, onlyOnce, type SubscriptionOptions } from "./subscription.ts";

export type KafkaEventLogOptions = KafkaOptions & {
  /** Called for every handler that rejects. */
  readonly onError: SubscriptionOptions["onError"];
  /** How long a group waits for a member that gives no sign (default 10 s; brokers accept 6 s or more). */
  readonly sessionTimeoutMs?: number;
};

const topicTimeoutMs = 15_000;
const topicPauseMs = 100;

/**
 * The EventLog on Kafka or Redpanda. Resolves when a broker has answered; throws E_SERVICE_UNAVAILABLE otherwise. From
 * then on it reconnects by itself.
 */
export async function createKafkaEventLog(options: KafkaEventLogOptions): Promise<EventLog> {
  const connection = await createConnection(await loadClients(options));
  const subscriptions = new Set<LogSubscription | LogReading>();
  const append = createAppender(connection);
  return {
    onState: connection.onState,
    append,
    createTopic: (topic) => createTopic(connection, topic),
    async subscribe(given, handler) {
      connection.requireUp();
      requireWindow(given);
      const starts = await startsOf(connection, given);
      const { onError, sessionTimeoutMs = 10_000 } = options;
      const { begin, subscription } = createSubscription({
        ...given,
        ...{ handler, connection, sessionTimeoutMs, starts, onError },
      });
      try {
        await connection.run(`joining ${given.group}`, begin);
      } catch (error) {
        await subscription.close();
        throw error;
      }
      subscriptions.add(subscription);
      const close = onlyOnce(async () => {
        await subscription.close();
        subscriptions.delete(subscription);
      });
      return { status: subscription.status, close };
    },
    async read(given, handler) {
      connection.requireUp();
      const { onError } = options;
      const begun = await beginReading({ ...given, handler, connection, onError });
      const close = onlyOnce(async () => {
        await begun.close();
        subscriptions.delete(reading);
      });
      const reading: LogReading = { ...begun, close };
      subscriptions.add(reading);
      return reading;
    },
    groupLags: (groups, topics) => groupLags(connection, groups, topics),
    close: onlyOnce(async () => {
      await Promise.all([...subscriptions].map((subscription) => subscription.close()));
      await connection.close();
    }),
  };
}

async function createTopic(
  connection: Connection,
  { name, partitions }: { name: string; partitions: number },
): Promise<void> {
  if (!Number.isInteger(partitions) || partitions < 1)
    throw new TuError("E_USAGE", `topic ${name} needs at least one partition`);
  await connection.run(`creating topic ${name}`, ({ admin }) =>
    admin.createTopics({
      topics: [{ topic: name, numPartitions: partitions }],
      waitForLeaders: false, // for a tenth of a second, which a broker that was just started does not keep
    }),
  );
  const existing = await onceThere(() => partitionCount(connection, name));
  if (existing === partitions) return;
  throw new TuError(
    "E_TOPOLOGY_MISMATCH",
    `topic ${name} has a partition count of ${existing}, not ${partitions}`,
    { hint: "recreate the topic; another number would move keys to other partitions" },
  );
}

/** A topic that was just created is unknown for a while. */
async function onceThere(look: () => Promise<number>): Promise<number> {
  for (const until = Date.now() + topicTimeoutMs; ; await sleep(topicPauseMs)) {
    try {
      const count = await look();
      if (count > 0 || Date.now() > until) return count;
    } catch (error) {
      const isMissing = error instanceof TuError && error.code === "E_UNROUTABLE";
      if (!isMissing || Date.now() > until) throw error;
    }
  }
}

function requireWindow({ group, window }: LogSubscribeOptions): void {
  if (Number.isInteger(window) && window >= 1) return;
  throw new TuError("E_USAGE", `the window of ${group} must be at least 1`);
}
