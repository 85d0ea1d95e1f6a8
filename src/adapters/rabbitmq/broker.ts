import { TuError } from "../../pipeline/errors.ts";
import type { Broker } from "../../pipeline/ports/broker.ts";
import { loadModels, type RabbitOptions } from "./client.ts";
import { createConnection } from "./connection.ts";
import { createPublisher } from "./publisher.ts";
import { createSubscription, onlyOnce, type SubscriptionOptions } from "./subscription.ts";
import { createTopology } from "./topology.ts";

export type RabbitBrokerOptions = RabbitOptions & {
  /**
   * Called for every handler that rejects, for a consumer that the broker ends, and for what the broker refuses while
   * the connection is made anew.
   */
  readonly onError: SubscriptionOptions["onError"];
  /** How long an operation waits for its answer (default 30 s); a publication, for as long as the connection lives. */
  readonly answerTimeoutMs?: number;
};

/** A short unsigned number on the wire, where zero means any number. */
const prefetchMax = 65_535;

/**
 * The Broker on RabbitMQ. Resolves when it is connected; throws E_SERVICE_UNAVAILABLE when nobody answers, and
 * E_ACCESS_REFUSED for the user, the password or the virtual host. From then on it reconnects by itself.
 */
export async function createRabbitBroker(options: RabbitBrokerOptions): Promise<Broker> {
  const { answerTimeoutMs = 30_000, onError } = options;
  const openModel = await loadModels(options);
  const connection = await createConnection({ openModel, answerTimeoutMs, onError });
  const topology = createTopology(connection);
  const publisher = createPublisher(connection);
  const consumed = new Map<() => Promise<void>, string>();
  try {
    await connection.run("opening a channel", publisher.open);
  } catch (error) {
    await connection.close();
    throw error;
  }
  return {
    onState: connection.onState,
    declare: topology.declare,
    check: async (expected) => ({ missing: await topology.missing(expected) }),
    publish: publisher.publish,
    async consume({ prefetch, queue }, handler) {
      connection.link();
      requirePrefetch(queue, prefetch);
      const given = { queue, prefetch, handler, connection, onError };
      const { open, subscription } = createSubscription(given);
      try {
        await connection.run(`consuming ${queue}`, open);
      } catch (error) {
        await subscription.close();
        throw error;
      }
      const close = onlyOnce(async () => {
        await subscription.close();
        consumed.delete(close);
        if (![...consumed.values()].includes(queue)) topology.leave(queue);
      });
      consumed.set(close, queue);
      return { close };
    },
    close: onlyOnce(async () => {
      await Promise.all([...consumed.keys()].map((close) => close()));
      await connection.close();
    }),
  };
}

function requirePrefetch(queue: string, prefetch: number): void {
  if (Number.isInteger(prefetch) && prefetch >= 1 && prefetch <= prefetchMax) return;
  throw new TuError(
    "E_USAGE",
    `prefetch of ${queue} must be a whole number from 1 to ${prefetchMax}`,
  );
}
