import type { Subscription, Transport } from "./transport.ts";

/**
 * A value in an AMQP table, by its type on the wire. A number's width is not kept: clients do not tell it.
 * A timestamp is in seconds; a decimal is `digits` × 10^-`places`.
 */
export type AmqpValue =
  | string
  | number
  | boolean
  | null
  | Uint8Array
  | { readonly timestamp: number }
  | { readonly decimal: { readonly places: number; readonly digits: number } }
  | { readonly list: readonly AmqpValue[] }
  | { readonly table: AmqpTable };

export type AmqpTable = Readonly<Record<string, AmqpValue>>;

/** One publication to an exchange (AMQP 0-9-1), always persistent. */
export type Publication = {
  readonly exchange: string;
  readonly routingKey: string;
  readonly headers: AmqpTable;
  readonly properties: MessageProperties;
  readonly body: Uint8Array;
};

/** The basic properties that travel; those that steer one hop alone (expiration, priority) do not. */
export type MessageProperties = {
  readonly contentType?: string;
  readonly contentEncoding?: string;
  readonly correlationId?: string;
  readonly replyTo?: string;
  readonly type?: string;
  readonly appId?: string;
  readonly messageId?: string;
  /** Seconds since the epoch. */
  readonly timestamp?: number;
};

export type QueueDelivery = Publication & {
  readonly queue: string;
  /** It was delivered before; nobody knows whether it was worked off. */
  readonly redelivered: boolean;
  ack(): Promise<void>;
  /**
   * `requeue` puts it back to be delivered again after `delayMs`; without it the message is gone, or
   * goes to the queue's dead-letter exchange. AMQP has no delay, so the consumer holds the message
   * unacknowledged until then: it uses up one of `prefetch`, and comes back early when the consumer closes
   * or the connection is lost. Resolves when the refusal is accepted, not after the delay.
   */
  nack(options: { requeue: boolean; delayMs?: number }): Promise<void>;
};

export type ExchangeDeclaration = {
  readonly name: string;
  readonly type: "fanout" | "direct" | "topic";
};

export type QueueDeclaration = {
  readonly name: string;
  /** Default true: it outlives the broker's restart. */
  readonly durable?: boolean;
  /** Default false. True: for its connection alone, and gone with it. */
  readonly exclusive?: boolean;
  /** Default false. True: gone when its last consumer is. */
  readonly autoDelete?: boolean;
  /** `x-message-ttl`, `x-dead-letter-exchange`, …; default none. */
  readonly arguments?: AmqpTable;
};

export type BindingDeclaration = {
  readonly exchange: string;
  readonly queue: string;
  readonly routingKey: string;
};

export type BrokerTopology = {
  readonly exchanges: readonly ExchangeDeclaration[];
  readonly queues: readonly QueueDeclaration[];
  readonly bindings: readonly BindingDeclaration[];
};

export interface Broker extends Transport {
  /**
   * Creates what is missing. Throws E_TOPOLOGY_MISMATCH for what exists otherwise (AMQP's 406, or 405 for
   * another connection's exclusive queue) and leaves it as it is; E_UNROUTABLE for a binding to nothing.
   */
  declare(topology: BrokerTopology): Promise<void>;
  /**
   * Looks and creates nothing. Resolves with the names of what does not exist; throws
   * E_TOPOLOGY_MISMATCH for what exists otherwise. Bindings are not looked at: AMQP cannot ask for them.
   */
  check(
    topology: Pick<BrokerTopology, "exchanges" | "queues">,
  ): Promise<{ readonly missing: readonly string[] }>;
  /**
   * Resolves when the broker has taken the message (publisher confirm). `routed`: whether it reached a
   * queue at all (AMQP returns what is mandatory and reaches none; it tells no number). Throws
   * E_UNROUTABLE when there is no such exchange.
   */
  publish(publication: Publication): Promise<{ routed: boolean }>;
  /**
   * At most `prefetch` deliveries are unacknowledged at a time. Throws E_UNROUTABLE when there is no such
   * queue. A handler that rejects has its message delivered again, after a moment.
   */
  consume(
    options: { queue: string; prefetch: number },
    handler: (delivery: QueueDelivery) => Promise<void>,
  ): Promise<Subscription>;
}
