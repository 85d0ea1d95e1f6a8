import type { Message, Options } from "amqplib";
import { TuError } from "../../pipeline/errors.ts";
import type { Publication } from "../../pipeline/ports/broker.ts";
import type { Connection } from "./connection.ts";
import { toPublishError, toTuError, unavailable } from "./errors.ts";
import type { Link } from "./link.ts";
import { tableTo } from "./table.ts";

type Pending = {
  readonly exchange: string;
  readonly routingKey: string;
  readonly body: Buffer;
  readonly options: Options.Publish;
  /** It reached no queue. */
  isReturned: boolean;
  resolve(result: { routed: boolean }): void;
  reject(error: TuError): void;
};

/** One confirm channel, as long as it is open. */
type Lane = {
  readonly inFlight: ReadonlyMap<number, Pending>;
  hasRoom(): boolean;
  /** Throws what amqplib cannot encode, and sends nothing of it. */
  send(pending: Pending): void;
};

/** How many publications, and how many bytes of them, are on their way at a time. */
const windowCount = 1024;
const windowBytes = 8 * 1024 * 1024;

/**
 * Publishes in the order of the calls, many at a time, each until it is confirmed.
 *
 * 1. A publication is waiting, in flight on the current lane, or settled. A lane's publications are numbered as the
 *    broker numbers its confirms: every one that was sent, from 1.
 * 2. A broker that refuses one publication closes the channel, and says neither which one it was nor what became of the
 *    others. They are sent again, one at a time, until the channel closes with the culprit alone in it; only that one
 *    is rejected. The others may arrive twice.
 * 3. A message that reached no queue is returned before it is confirmed, without its number. The first in flight that
 *    looks the same is meant: returns keep the order of what was published.
 */
export function createPublisher(connection: Connection) {
  let waiting: Pending[] = [];
  /** So many at the head of those waiting may have closed the last lane. */
  let suspects = 0;
  let lane: Lane | null = null;

  const pump = () => {
    while (lane !== null && waiting.length > 0 && !connection.isBlocked()) {
      const hasRoom = suspects > 0 ? lane.inFlight.size === 0 : lane.hasRoom();
      if (!hasRoom) return;
      suspects = Math.max(0, suspects - 1);
      const [pending] = waiting.splice(0, 1) as [Pending]; // there is one
      try {
        lane.send(pending);
      } catch (error) {
        pending.reject(invalid(error, pending));
      }
    }
  };
  const laneEnded = (link: Link, ended: Lane, reason: Error | null) => {
    if (lane !== ended) return;
    const [culprit, ...others] = lane.inFlight.values();
    const isFound = reason !== null && culprit !== undefined && others.length === 0;
    suspects = isFound ? 0 : lane.inFlight.size;
    if (isFound) culprit.reject(toPublishError(reason, culprit.exchange));
    else waiting = [...lane.inFlight.values(), ...waiting];
    lane = null;
    if (reason === null)
      link.end(unavailable("lost")); // a broker that closes a channel says why
    else open(link).then(pump, (error: unknown) => reopenFailed(link, error));
  };
  const reopenFailed = (link: Link, error: unknown) => {
    if (connection.isUp()) link.end(toTuError(error, "opening a channel"));
  };
  const open = async (link: Link) => {
    lane = await openLane(link, { onRoom: pump, onEnd: (...ended) => laneEnded(link, ...ended) });
  };
  const member = {
    lose() {
      const rejected = [...(lane?.inFlight.values() ?? []), ...waiting];
      lane = null;
      waiting = [];
      suspects = 0;
      for (const { reject } of rejected) reject(unavailable("lost"));
    },
    rejoin: open,
    resume: pump,
  };
  connection.attach(member);
  return {
    /** The first time; then the connection does it. */
    open,
    publish: (publication: Publication) =>
      new Promise<{ routed: boolean }>((resolve, reject) => {
        connection.link();
        waiting.push({ ...encode(publication), resolve, reject });
        pump();
      }),
  };
}

type LaneListener = {
  /** Some have been settled. */
  onRoom(): void;
  /** With what is still in flight. No reason: the connection is gone. */
  onEnd(lane: Lane, reason: Error | null): void;
};

async function openLane(link: Link, { onEnd, onRoom }: LaneListener): Promise<Lane> {
  const channel = await link.publishing.createConfirmChannel();
  if (link.ended.aborted) throw unavailable("lost");
  const inFlight = new Map<number, Pending>();
  let sent = 0;
  let bytes = 0;
  let reason: Error | null = null;

  const settle = (
    { deliveryTag, multiple }: { deliveryTag: number; multiple: boolean },
    how: (pending: Pending) => void,
  ) => {
    for (const tag of multiple ? [...inFlight.keys()] : [deliveryTag]) {
      const pending = inFlight.get(tag);
      if (pending === undefined || tag > deliveryTag) break;
      inFlight.delete(tag);
      bytes -= pending.body.length;
      how(pending);
    }
    onRoom();
  };
  const lane: Lane = {
    inFlight,
    hasRoom: () => inFlight.size < windowCount && bytes < windowBytes,
    send(pending) {
      channel.publish(pending.exchange, pending.routingKey, pending.body, pending.options);
      sent += 1;
      bytes += pending.body.length;
      inFlight.set(sent, pending);
    },
  };
  channel.on("ack", (fields) =>
    settle(fields, ({ isReturned, resolve }) => resolve({ routed: !isReturned })),
  );
  channel.on("nack", (fields) =>
    settle(fields, ({ exchange, reject }) => reject(notTaken(exchange))),
  );
  channel.on("return", (message: Message) => {
    for (const pending of inFlight.values())
      if (!pending.isReturned && isSame(pending, message)) {
        pending.isReturned = true;
        return;
      }
  });
  channel.on("error", (error) => {
    reason = error;
  });
  channel.on("close", () => onEnd(lane, reason));
  return lane;
}

function isSame({ body, exchange, options, routingKey }: Pending, message: Message): boolean {
  const { fields, properties } = message;
  return (
    exchange === fields.exchange &&
    routingKey === fields.routingKey &&
    options.messageId === properties.messageId &&
    body.equals(message.content)
  );
}

/** Copies: the caller may reuse its buffers. */
function encode({ body, exchange, headers, properties, routingKey }: Publication) {
  return {
    ...{ exchange, routingKey, body: Buffer.from(body), isReturned: false },
    options: { ...properties, headers: tableTo(headers), mandatory: true, persistent: true },
  };
}

function notTaken(exchange: string): TuError {
  return new TuError(
    "E_SERVICE_UNAVAILABLE",
    `publishing to ${exchange}: RabbitMQ did not take the message`,
    { hint: "a queue that it was routed to is full, or cannot be written" },
  );
}

function invalid(error: unknown, { exchange, routingKey }: Pending): TuError {
  const reason = error instanceof Error ? error.message : String(error);
  return new TuError(
    "E_MESSAGE_INVALID",
    `a message to ${exchange}, key ${routingKey}, cannot be encoded: ${reason}`,
    { cause: error },
  );
}
