import type { Contract, Route } from "../contracts/contract.ts";
import type { AmqpTable, AmqpValue, MessageProperties, QueueDelivery } from "../ports/broker.ts";
import type { ReadRecord, RecordHeader } from "../ports/event-log.ts";
import type { Headers } from "../ports/headers.ts";
import { fromUtf8 } from "./bytes.ts";
import { headerNames } from "./headers.ts";
import type { Delivery } from "./wire.ts";

// Deliveries of both transports in one shape: decoded text, and next to it the original, untouched.

type Expected = { readonly contract: Contract; readonly route: Route };

export function deliveryFromLog(
  delivery: Omit<ReadRecord, "atMs">,
  { contract, route }: Expected,
  receivedAt: string,
): Delivery {
  const { body, headers, key, offset, partition, topic } = delivery;
  return {
    contract,
    route,
    headers: textOfRecordHeaders(headers),
    body: body ?? new Uint8Array(),
    key: (key === null ? undefined : fromUtf8(key)) ?? "",
    origin: `kafka:${topic}/${partition}/${offset}`,
    receivedAt,
    redelivered: true,
    wire: { transport: "kafka", key, headers, body },
  };
}

export function deliveryFromQueue(
  delivery: QueueDelivery,
  { contract, route }: Expected,
  receivedAt: string,
): Delivery {
  const { body, headers, properties, queue, routingKey } = delivery;
  return {
    contract,
    route,
    headers: { ...textOfProperties(properties), ...textOfTable(headers) },
    body,
    key: routingKey,
    origin: `rabbitmq:${queue}`,
    receivedAt,
    redelivered: delivery.redelivered,
    wire: { transport: "rabbitmq", routingKey, headers, properties, body },
  };
}

/** Of repeated headers the last, as in Kafka's own clients. Values that are not text are omitted. */
function textOfRecordHeaders(headers: readonly RecordHeader[]): Headers {
  return present(
    headers.map(({ name, value }) => [name, value === null ? undefined : fromUtf8(value)] as const),
  );
}

/** Numbers and booleans as text; any other value that is not text is omitted. */
function textOfTable(table: AmqpTable): Headers {
  return present(Object.entries(table).map(([name, value]) => [name, textOf(value)] as const));
}

/** Properties that may carry the same as a header. */
function textOfProperties({ correlationId, messageId }: MessageProperties): Headers {
  return {
    ...(correlationId ? { [headerNames.correlationId]: correlationId } : {}),
    ...(messageId ? { [headerNames.messageId]: messageId } : {}),
  };
}

function textOf(value: AmqpValue): string | undefined {
  if (value instanceof Uint8Array) return fromUtf8(value);
  return value === null || typeof value === "object" ? undefined : String(value);
}

function present(entries: readonly (readonly [string, string | undefined])[]): Headers {
  return Object.fromEntries(
    entries.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  );
}
