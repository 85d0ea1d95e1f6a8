// The transports between services. Names adapters, like compose.ts.

import type { Broker } from "../pipeline/ports/broker.ts";
import type { EventLog } from "../pipeline/ports/event-log.ts";
import type { Cluster, TlsFiles } from "./cluster.ts";
import { inScope } from "./scope.ts";

export type Transports = {
  readonly log: EventLog;
  readonly broker: Broker;
  /** They end with this process: no other process reads what it publishes. */
  readonly areEmbedded: boolean;
  close(): Promise<void>;
};

/** Receives errors of their handlers. */
type OnError = (error: unknown) => void;

/** Null: embedded. What one of them has opened is closed if the other cannot be. */
export const openTransports = (cluster: Cluster | null, onError: OnError): Promise<Transports> =>
  inScope(async (scope) => {
    const opening = [
      openLog(cluster, onError).then((log) => scope.use(log)),
      openBroker(cluster, onError).then((broker) => scope.use(broker)),
    ] as const;
    await Promise.allSettled(opening);
    const [log, broker] = await Promise.all(opening);
    return { log, broker, areEmbedded: cluster === null };
  });

export async function openLog(cluster: Cluster | null, onError: OnError): Promise<EventLog> {
  if (cluster === null) {
    const { createMemoryEventLog } = await import("../adapters/memory/event-log.ts");
    return createMemoryEventLog({ onError });
  }
  const { createKafkaEventLog } = await import("../adapters/kafka/event-log.ts");
  const { brokers, sasl, tls } = cluster.kafka;
  return createKafkaEventLog({
    ...{ brokers, onError },
    ...(tls === null ? {} : { ssl: sslOf(tls) }),
    ...(sasl === null ? {} : { sasl: saslOf(sasl) }),
  });
}

export async function openBroker(cluster: Cluster | null, onError: OnError): Promise<Broker> {
  if (cluster === null) {
    const { createMemoryBroker } = await import("../adapters/memory/broker.ts");
    return createMemoryBroker({ onError });
  }
  const { createRabbitBroker } = await import("../adapters/rabbitmq/broker.ts");
  const { tls, ...place } = cluster.rabbitmq;
  return createRabbitBroker({ ...place, onError, ...(tls === null ? {} : { tls }) });
}

/** Without certificates: TLS with the well-known authorities. */
const sslOf = (tls: TlsFiles) => (Object.keys(tls).length === 0 ? true : { ...tls });

/** To its type, each mechanism is a case of its own. */
const saslOf = ({ mechanism, ...user }: NonNullable<Cluster["kafka"]["sasl"]>) => {
  switch (mechanism) {
    case "plain":
      return { mechanism, ...user };
    case "scram-sha-256":
      return { mechanism, ...user };
    default:
      return { mechanism, ...user };
  }
};
