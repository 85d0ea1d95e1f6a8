import type { Wire } from "../delivery/wire.ts";

/** Where a message is sent. */
export type Destination =
  | { readonly transport: "kafka"; readonly topic: string }
  | { readonly transport: "rabbitmq"; readonly exchange: string };

/** Sends messages as they will travel, byte for byte. */
export interface Publisher {
  /**
   * Resolves when the transport has taken it: with its position on Kafka, and on RabbitMQ with whether any queue did.
   * Throws E_UNROUTABLE for a topic or exchange that does not exist, and E_SERVICE_UNAVAILABLE.
   */
  send(destination: Destination, wire: Wire): Promise<Sent>;
}
export type Sent = {
  /** `kafka:<topic>/<partition>/<offset>` or `rabbitmq:<exchange>`. */
  readonly place: string;
  /** Always true on Kafka. */
  readonly routed: boolean;
};
