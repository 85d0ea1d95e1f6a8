/**
 * What became of the connection to a transport; only changes are told, in their order. Adapters connect
 * again by themselves, without end.
 *
 * - `lost`: the connection is gone. Until `back`, everything that needs it rejects with
 *   E_SERVICE_UNAVAILABLE, what was under way too (a publication may have been taken all the same).
 *   Subscriptions stay and go on after `back`. What was delivered and not settled is ours no longer: it is
 *   delivered again, to us or to another, and settling the old delivery rejects with the same code for ever.
 * - `back`: connected again, with the subscriptions and with what lives as long as its connection
 *   (exclusive and auto-delete queues, empty).
 * - `blocked`: the broker takes nothing for now (AMQP's connection.blocked: it is short of memory or
 *   disk). `publish` waits; deliveries and settling go on. Kafka has no such state.
 * - `unblocked`: it takes again, and what waited is sent. After `lost`, nothing is blocked.
 */
export type TransportState = "lost" | "back" | "blocked" | "unblocked";

/** What both transports have. */
export interface Transport {
  /** Tells `listener` of every change from now on; call what it returns to end that. */
  onState(listener: (state: TransportState) => void): () => void;
  /**
   * Closes the subscriptions as their own `close` does, then the connection; no state is told. After it
   * everything rejects with E_SERVICE_UNAVAILABLE. Closing again changes nothing.
   */
  close(): Promise<void>;
}

export interface Subscription {
  /**
   * Takes no further message; resolves when the handlers under way have ended. What they did not settle
   * is delivered again, to others.
   */
  close(): Promise<void>;
}
