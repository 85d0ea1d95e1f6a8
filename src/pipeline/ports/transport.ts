/**
 * The state of the connection to a transport; only changes are reported, in order. Adapters reconnect by
 * themselves, indefinitely.
 *
 * - `lost`: disconnected. Until `back`, every operation that needs the connection rejects with
 *   E_SERVICE_UNAVAILABLE, including those in flight (a publication may have been taken all the same).
 *   Subscriptions persist and continue after `back`. Unsettled deliveries no longer belong to us: they are
 *   redelivered, to us or to another consumer, and settling the old delivery always rejects with the same code.
 * - `back`: reconnected, with the subscriptions and with whatever lives as long as its connection (exclusive and
 *   auto-delete queues, empty).
 * - `blocked`: the broker takes nothing for now (AMQP's connection.blocked: it is short of memory or disk).
 *   `publish` waits; deliveries and settling continue. Kafka has no such state.
 * - `unblocked`: the broker takes messages again, and those waiting are sent. After `lost`, nothing is blocked.
 */
export type TransportState = "lost" | "back" | "blocked" | "unblocked";

/** Common to both transports. */
export interface Transport {
  /** Calls `listener` on every change from now on; returns a function that stops this. */
  onState(listener: (state: TransportState) => void): () => void;
  /**
   * Closes the subscriptions as their own `close` does, then the connection; reports no state. Afterwards
   * everything rejects with E_SERVICE_UNAVAILABLE. Idempotent.
   */
  close(): Promise<void>;
}

export interface Subscription {
  /**
   * Takes no further messages; resolves when the running handlers have finished. Whatever they did not settle is
   * redelivered to other consumers.
   */
  close(): Promise<void>;
}
