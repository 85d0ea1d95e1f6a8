// What carries messages between services. Names adapters, like compose.ts.

import type { Broker } from "../pipeline/ports/broker.ts";
import type { EventLog } from "../pipeline/ports/event-log.ts";

export type Transports = {
  readonly log: EventLog;
  readonly broker: Broker;
  /** They end with this process: no other process reads what it publishes. */
  readonly areEmbedded: boolean;
  close(): Promise<void>;
};

/** Receives errors of their handlers. */
type OnError = (error: unknown) => void;

export async function openEmbeddedTransports(onError: OnError): Promise<Transports> {
  const { createMemoryEventLog } = await import("../adapters/memory/event-log.ts");
  const { createMemoryBroker } = await import("../adapters/memory/broker.ts");
  const log = createMemoryEventLog({ onError });
  const broker = createMemoryBroker({ onError });
  return {
    ...{ log, broker, areEmbedded: true },
    async close() {
      await broker.close();
      await log.close();
    },
  };
}
