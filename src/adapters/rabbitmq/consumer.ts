import type { Channel, ConsumeMessage } from "amqplib";
import type { MessageProperties, QueueDelivery } from "../../pipeline/ports/broker.ts";
import { lostMeanwhile } from "./errors.ts";
import { atMost, type Link } from "./link.ts";
import { tableFrom } from "./table.ts";

export type ConsumerOptions = {
  readonly queue: string;
  readonly prefetch: number;
  readonly onDelivery: (delivery: ConsumerDelivery) => void;
  /** The broker has closed the channel, or cancelled the consumer; the link may be in order. */
  readonly onEnd: (reason: Error) => void;
};

export type ConsumerDelivery = {
  readonly delivery: QueueDelivery;
  /** Redelivers it after `delayMs` unless it is settled, or no longer ours. */
  giveBack(delayMs: number): void;
};

/** One life of a consumer, on a channel of its own. */
export type Consumer = {
  /** Takes no further messages; what it has can still be settled. */
  stop(): Promise<void>;
  /** What is not settled returns to the queue; settling it changes nothing any more. */
  leave(): Promise<void>;
};

const closeTimeoutMs = 2000;

export async function openConsumer(link: Link, options: ConsumerOptions): Promise<Consumer> {
  const { onDelivery, onEnd, prefetch, queue } = options;
  const channel = await link.working.createChannel();
  const hold = createHold(link, channel);
  let reason: Error | null = null;
  let isConsuming = false;
  const end = (why: Error) => {
    reason = why;
    if (hold.lose() && isConsuming && !link.ended.aborted) onEnd(why);
  };
  channel.on("error", (error) => {
    reason = error;
  });
  channel.on("close", () => {
    if (reason === null)
      hold.lose(); // the connection is gone
    else end(reason);
  });
  await channel.prefetch(prefetch);
  const { consumerTag } = await channel.consume(queue, (message) => {
    if (message !== null) {
      onDelivery(deliveryOf(queue, message, hold));
      return;
    }
    end(new Error(`RabbitMQ cancelled the consumer: there is no queue ${queue} any more`));
    channel.close().catch(() => undefined); // it is closed
  });
  isConsuming = true;
  if (!hold.isOpen()) throw reason ?? lostMeanwhile(); // with the same read as the answer
  const answered = (work: () => Promise<unknown>) =>
    hold.isOpen() ? atMost(closeTimeoutMs, link.orEnded(work())) : Promise.resolve();
  return {
    stop: () => answered(() => channel.cancel(consumerTag)),
    leave: () =>
      answered(() => {
        hold.leave();
        return channel.close();
      }),
  };
}

type Hold = {
  isOpen(): boolean;
  /** False: it was over already. */
  lose(): boolean;
  leave(): void;
  /** Throws E_SERVICE_UNAVAILABLE if its deliveries are no longer ours. */
  require(): void;
  ack(message: ConsumeMessage): void;
  nack(message: ConsumeMessage, options: { requeue: boolean; delayMs: number }): void;
};

/** What a channel has delivered, and we have not settled. */
function createHold(link: Link, channel: Channel): Hold {
  const delays = new Set<NodeJS.Timeout>();
  let state: "open" | "left" | "lost" = "open";
  const close = (next: "left" | "lost") => {
    if (state !== "open") return false;
    state = next;
    for (const timer of delays) clearTimeout(timer);
    return true;
  };
  const isOpen = () => state === "open" && !link.ended.aborted;
  return {
    isOpen,
    lose: () => close("lost"),
    leave: () => void close("left"),
    require() {
      if (state === "lost" || link.ended.aborted) throw lostMeanwhile();
    },
    ack: (message) => channel.ack(message),
    nack(message, { delayMs, requeue }) {
      if (delayMs <= 0) {
        channel.nack(message, false, requeue);
        return;
      }
      const timer = setTimeout(() => {
        delays.delete(timer);
        if (isOpen()) channel.nack(message, false, requeue);
      }, delayMs);
      delays.add(timer);
    },
  };
}

function deliveryOf(queue: string, message: ConsumeMessage, hold: Hold): ConsumerDelivery {
  const { exchange, redelivered, routingKey } = message.fields;
  let isSettled = false;
  const settle = (how: () => void) => {
    hold.require();
    const isFirst = !isSettled;
    isSettled = true;
    if (isFirst && hold.isOpen()) how();
  };
  return {
    delivery: {
      ...{ queue, exchange, routingKey, redelivered },
      headers: tableFrom(message.properties.headers),
      properties: propertiesOf(message),
      body: message.content,
      ack: async () => settle(() => hold.ack(message)),
      nack: async ({ delayMs = 0, requeue }) =>
        settle(() => hold.nack(message, { requeue, delayMs: requeue ? delayMs : 0 })),
    },
    giveBack(delayMs) {
      if (hold.isOpen()) settle(() => hold.nack(message, { requeue: true, delayMs }));
    },
  };
}

const propertyNames = [
  ...(["contentType", "contentEncoding", "correlationId", "replyTo"] as const),
  ...(["type", "appId", "messageId", "timestamp"] as const),
];

function propertiesOf({ properties }: ConsumeMessage): MessageProperties {
  const given = propertyNames.filter((name) => properties[name] !== undefined);
  return Object.fromEntries(given.map((name) => [name, properties[name]]));
}
