import type { Subscription, Transport } from "./transport.ts";

/**
 * A value in an AMQP table, by its wire type. The width of a number is lost: clients do not expose it; it is
 * finite. A timestamp is in seconds; a decimal is `digits` × 10^-`places`.
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

/** One message published to an exchange (AMQP 0-9-1), always persistent. */
export type Publication = {
  readonly exchange: string;
  readonly routingKey: string;
  readonly headers: AmqpTable;
  readonly properties: MessageProperties;
  readonly body: Uint8Array;
};

/** The basic properties that are forwarded; those that apply to a single hop (expiration, priority) are not. */
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
  /** Delivered before, and possibly processed. */
  readonly redelivered: boolean;
  ack(): Promise<void>;
  /**
   * `requeue` redelivers the message after `delayMs`; without it the message is discarded, or dead-lettered to the
   * queue's dead-letter exchange. AMQP has no delay, so the consumer holds the message unacknowledged until then:
   * it counts towards `prefetch`, and returns early when the consumer closes or the connection is lost. Resolves
   * when the rejection is accepted, not after the delay.
   */
  nack(options: { requeue: boolean; delayMs?: number }): Promise<void>;
};

export type ExchangeDeclaration = {
  readonly name: string;
  readonly type: "fanout" | "direct" | "topic";
};

export type QueueDeclaration = {
  readonly name: string;
  /** Default true: survives a broker restart. */
  readonly durable?: boolean;
  /** Default false. True: usable by its own connection only, and deleted with it. */
  readonly exclusive?: boolean;
  /** Default false. True: deleted with its last consumer. */
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
   * Creates whatever is missing. Throws E_TOPOLOGY_MISMATCH for anything that exists with other properties (AMQP's
   * 406, or 405 for another connection's exclusive queue) and leaves it unchanged; E_UNROUTABLE for a binding to
   * something that does not exist.
   */
  declare(topology: BrokerTopology): Promise<void>;
  /**
   * Passive: creates nothing. Resolves with the names of what is missing; throws E_TOPOLOGY_MISMATCH for anything
   * that exists with other properties. Bindings are not checked: AMQP cannot query them.
   */
  check(
    topology: Pick<BrokerTopology, "exchanges" | "queues">,
  ): Promise<{ readonly missing: readonly string[] }>;
  /**
   * Resolves when the broker has confirmed the message (publisher confirm). `routed`: whether it reached any queue
   * (AMQP returns a mandatory message that reaches none; it does not report how many). Throws E_UNROUTABLE when the
   * exchange does not exist.
   */
  publish(publication: Publication): Promise<{ routed: boolean }>;
  /**
   * At most `prefetch` deliveries are unacknowledged at a time. Throws E_UNROUTABLE when the queue does not exist.
   * If the handler rejects, its message is redelivered after a short delay.
   */
  consume(
    options: { queue: string; prefetch: number },
    handler: (delivery: QueueDelivery) => Promise<void>,
  ): Promise<Subscription>;
}
