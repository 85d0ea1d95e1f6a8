import { vi } from "vitest";
import type { Broker, Publication, QueueDelivery } from "../../../pipeline/ports/broker.ts";
import { createCollector } from "../../testing/collector.ts";
import { createRabbitBroker, type RabbitBrokerOptions } from "../broker.ts";
import { rabbit } from "./server.ts";

export const text = ({ body }: { readonly body: Uint8Array }) => Buffer.from(body).toString();
export const patience = { timeout: 50_000, interval: 20 };

let names = 0;
export const unique = (name: string) => `${name}-${names++}`;

/** A broker with what it told, and short ways to do things. */
export async function openBroker(options: { vhost: string } & Partial<RabbitBrokerOptions>) {
  const states: string[] = [];
  const errors: unknown[] = [];
  const broker = await createRabbitBroker({
    ...rabbit.address,
    onError: (error) => void errors.push(error),
    ...options,
  });
  broker.onState((state) => states.push(state));
  return {
    ...{ broker, states, errors },
    reached: (...wanted: string[]) =>
      vi.waitFor(() => {
        if (states.join() !== wanted.join()) throw new Error(`reached ${states}, not ${wanted}`);
      }, patience),
    /** A queue without an exchange of its own; returns its name. */
    async queue(declared: { exclusive?: boolean; arguments?: Record<string, string> } = {}) {
      const name = unique("queue");
      const queues = [{ name, ...declared }];
      await broker.declare({ exchanges: [], queues, bindings: [] });
      return name;
    },
    publish: (queue: string, body: string, more: Partial<Publication> = {}) =>
      broker.publish({
        ...{ exchange: "", routingKey: queue, headers: {}, properties: {} },
        ...{ body: Buffer.from(body), ...more },
      }),
    read: readerOf(broker),
  };
}

function readerOf(broker: Broker) {
  return async (
    queue: string,
    handler: (delivery: QueueDelivery) => Promise<void> = (delivery) => delivery.ack(),
    prefetch = 100,
  ) => {
    const seen = createCollector<QueueDelivery>();
    const subscription = await broker.consume({ queue, prefetch }, (delivery) => {
      seen.add(delivery);
      return handler(delivery);
    });
    return { seen, close: () => subscription.close() };
  };
}
