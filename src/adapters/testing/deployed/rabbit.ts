import amqplib, { type ChannelModel } from "amqplib";
import { required } from "./deployed.ts";

// RabbitMQPublisher and RabbitMQConsumer of Trackunit.Messaging.

export function connectRabbit(): Promise<ChannelModel> {
  return amqplib.connect({
    protocol: "amqp",
    hostname: required("RABBIT_HOST"),
    port: Number(process.env["RABBIT_PORT"] ?? 5672),
    username: required("RABBIT_USER"),
    password: required("RABBIT_PASS"),
  });
}

/** A channel for each, the exchange declared again, no confirm, no header, no id. */
export async function publish(model: ChannelModel, exchange: string, body: object): Promise<void> {
  const channel = await model.createChannel();
  await channel.assertExchange(exchange, "fanout", { durable: true });
  const content = Buffer.from(JSON.stringify(body));
  channel.publish(exchange, "", content, { contentType: "application/json", persistent: true });
  await channel.close();
}

/** Without a limit to what is delivered at once. False from `handle` discards; an error leaves it unacknowledged. */
export async function consume(
  model: ChannelModel,
  { autoAck, exchange, queue }: { exchange: string; queue: string; autoAck: boolean },
  handle: (text: string) => Promise<boolean>,
): Promise<void> {
  const channel = await model.createChannel();
  await channel.assertExchange(exchange, "fanout", { durable: true });
  await channel.assertQueue(queue, { durable: true, exclusive: false, autoDelete: false });
  await channel.bindQueue(queue, exchange, "");
  await channel.consume(
    queue,
    (delivery) => {
      if (delivery === null) return;
      handle(delivery.content.toString("utf8")).then(
        (isTaken) => {
          if (autoAck) return;
          if (isTaken) channel.ack(delivery);
          else channel.nack(delivery, false, false);
        },
        () => undefined,
      );
    },
    { noAck: autoAck },
  );
}
