import { TuError } from "../errors.ts";
import type { Publisher } from "../ports/publisher.ts";
import type { Transports } from "./publish.ts";

/** Sends to the transports of this process. */
export function createPublisher({ broker, log }: Transports): Publisher {
  return {
    async send(destination, wire) {
      if (destination.transport === "kafka" && wire.transport === "kafka") {
        const { topic } = destination;
        const { body, headers, key } = wire;
        const { offset, partition } = await log.append({ topic, body, headers, key });
        return { place: `kafka:${topic}/${partition}/${offset}`, routed: true };
      }
      if (destination.transport === "rabbitmq" && wire.transport === "rabbitmq") {
        const { exchange } = destination;
        const { body, headers, properties, routingKey } = wire;
        const { routed } = await broker.publish({
          exchange,
          routingKey,
          headers,
          properties,
          body,
        });
        return { place: `rabbitmq:${exchange}`, routed };
      }
      throw new TuError("E_BUG", "a message for one transport was sent to the other");
    },
  };
}
