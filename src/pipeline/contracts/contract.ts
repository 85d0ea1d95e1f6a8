import type { z } from "zod";

export const flowNames = ["current", "full"] as const;
export type FlowName = (typeof flowNames)[number];

/** Service names, as used in hops, queues and headers. */
export const serviceNames = [
  "graph-gateway",
  "tu-ingestion-service",
  "tu-storage-service",
  "tu-media-access-service",
  "svc-messaging-bridge",
  "svc-analysis-orchestrator",
  "svc-ai-vision-adapter",
  "comparison-service",
  "metadata-service",
  "svc-machine-storage",
] as const;
export type ServiceName = (typeof serviceNames)[number];

export type Consumer = {
  readonly service: ServiceName;
  /** Consumer group on Kafka, queue on RabbitMQ; for a consumer per instance, the prefix of its name. */
  readonly source: string;
  readonly flows: readonly FlowName[];
  /**
   * True: only passed on to clients connected right now. Not recorded, and after a restart nothing is owed to this
   * consumer.
   */
  readonly isEphemeral?: boolean;
  /**
   * True: every running instance of the service receives every message, through a queue or group of its own that is
   * removed with it. All events for clients travel this way. False: the instances share the messages.
   */
  readonly isPerInstance?: boolean;
};

type RouteCommon = {
  readonly producer: ServiceName;
  /** The value of `x-producer`; differs from the service's name only where it does so today. */
  readonly producerHeader: string;
  readonly consumers: readonly Consumer[];
  /** The body on this route. The same message may have another shape on another (the bridge drops fields). */
  readonly body: z.ZodObject;
};
export type KafkaRoute = RouteCommon & {
  readonly transport: "kafka";
  readonly topic: string;
  readonly partitions: number;
  /** Casing of the top-level keys on the wire. */
  readonly casing: "camel" | "pascal";
};
export type RabbitRoute = RouteCommon & {
  readonly transport: "rabbitmq";
  readonly exchange: string;
  readonly exchangeType: "fanout" | "direct";
};
export type Route = KafkaRoute | RabbitRoute;

/** One message, declared once. Types, validation, topology, hops and docs are derived from it. */
export type Contract = {
  readonly name: string;
  readonly kind: "command" | "event";
  readonly summary: string;
  /** Value of `x-schema`. */
  readonly schemaId: string;
  readonly flows: readonly FlowName[];
  readonly routes: readonly [Route, ...Route[]];
  readonly example: Readonly<Record<string, unknown>>;
};

type Declared = {
  readonly name: string;
  readonly summary: string;
  readonly body: z.ZodObject;
  readonly example: Readonly<Record<string, unknown>>;
};

/** A point-to-point command from the orchestrator, routed by name to one handler's queue. */
export function command(declared: Declared & { handler: ServiceName; queue: string }): Contract {
  return {
    name: declared.name,
    kind: "command",
    summary: declared.summary,
    schemaId: `${declared.name}.v1`,
    flows: ["full"],
    routes: [
      {
        transport: "rabbitmq",
        exchange: "analysis.commands",
        exchangeType: "direct",
        producer: "svc-analysis-orchestrator",
        producerHeader: "svc-analysis-orchestrator",
        body: declared.body,
        consumers: [{ service: declared.handler, source: declared.queue, flows: ["full"] }],
      },
    ],
    example: declared.example,
  };
}

/** A listener to a broadcast; `queue` only if its queue has a special name today. */
export type Listener = {
  readonly service: ServiceName;
  readonly queue?: string;
  readonly flows?: readonly FlowName[];
  readonly isEphemeral?: boolean;
  /** Default: `isEphemeral`. */
  readonly isPerInstance?: boolean;
};

/** A broadcast event: a fanout exchange of the same name, one queue per listener or per instance of it. */
export function broadcast(
  declared: Declared & {
    producer: ServiceName;
    flows: readonly FlowName[];
    listeners: readonly Listener[];
  },
): Contract {
  const { name, producer, flows } = declared;
  return {
    name,
    kind: "event",
    summary: declared.summary,
    schemaId: `${name}.v1`,
    flows,
    routes: [
      {
        transport: "rabbitmq",
        exchange: name,
        exchangeType: "fanout",
        producer,
        producerHeader: producer,
        body: declared.body,
        consumers: declared.listeners.map((listener) => ({
          service: listener.service,
          source: listener.queue ?? `${listener.service}.${name}`,
          flows: listener.flows ?? flows,
          isEphemeral: listener.isEphemeral ?? false,
          isPerInstance: listener.isPerInstance ?? listener.isEphemeral ?? false,
        })),
      },
    ],
    example: declared.example,
  };
}

/** The listeners to every step's outcome. */
export const stepListeners: readonly Listener[] = [
  { service: "svc-analysis-orchestrator" },
  { service: "graph-gateway", isEphemeral: true },
];
