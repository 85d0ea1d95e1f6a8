import { catalogue, consumersIn, type Input } from "./contracts/catalogue.ts";
import type { Consumer, FlowName, KafkaRoute, RabbitRoute, Route } from "./contracts/contract.ts";
import type { BindingDeclaration, BrokerTopology, ExchangeDeclaration } from "./ports/broker.ts";

export const deadLetters = {
  exchange: "tu.dead-letters",
  queue: "tu.dead-letters",
  topic: "tu.dead-letters",
} as const;

export type Topic = {
  readonly name: string;
  readonly partitions: number;
  readonly key: string;
  readonly producer: string;
  readonly groups: readonly string[];
};
export type Exchange = ExchangeDeclaration & {
  readonly durable: true;
  readonly producer: string;
};
export type Queue = {
  readonly name: string;
  readonly durable: boolean;
  readonly exclusive: boolean;
  readonly autoDelete: boolean;
  readonly consumer: string;
  /** True: one per running instance of the consumer; `*` in the name stands for the instance. */
  readonly isPerInstance: boolean;
};
export type Topology = {
  readonly flow: FlowName;
  readonly topics: readonly Topic[];
  readonly exchanges: readonly Exchange[];
  readonly queues: readonly Queue[];
  readonly bindings: readonly BindingDeclaration[];
};

type Used<R extends Route> = {
  readonly name: string;
  readonly route: R;
  readonly consumers: readonly Consumer[];
};

/** Everything a flow needs on the brokers, derived from the catalogue. */
export function topologyOf(flow: FlowName): Topology {
  const used = catalogue
    .filter((contract) => contract.flows.includes(flow))
    .flatMap((contract) =>
      contract.routes.map((route) => ({
        name: contract.name,
        route,
        consumers: consumersIn(route, flow),
      })),
    );
  const onKafka = used.filter((u): u is Used<KafkaRoute> => u.route.transport === "kafka");
  const onRabbit = used.filter((u): u is Used<RabbitRoute> => u.route.transport === "rabbitmq");
  return {
    flow,
    topics: [...onKafka.map(topicOf), deadLetterTopic],
    exchanges: [...uniqueByName(onRabbit.map(exchangeOf)), deadLetterExchange],
    queues: [...onRabbit.flatMap(queuesOf), deadLetterQueue],
    bindings: [...onRabbit.flatMap(bindingsOf), deadLetterBinding],
  };
}

/** The permanent part, whichever instances run. */
export function sharedTopologyOf(flow: FlowName): Topology {
  const topology = topologyOf(flow);
  const queues = topology.queues.filter(({ isPerInstance }) => !isPerInstance);
  const names = queues.map(({ name }) => name);
  const bindings = topology.bindings.filter(({ queue }) => names.includes(queue));
  return { ...topology, queues, bindings };
}

/** The queues through which one instance receives `inputs`, bound as a shared one would be. */
export function instanceTopologyOf(inputs: readonly Input[], instance: string): BrokerTopology {
  const queued = inputs.flatMap(({ consumer, contract, route }) =>
    consumer.isPerInstance === true && route.transport === "rabbitmq"
      ? [{ route, contract, queue: sourceOf(consumer, instance) }]
      : [],
  );
  return {
    exchanges: [],
    queues: queued.map(({ queue }) => ({ name: queue, ...instanceQueue })),
    bindings: queued.map(({ contract, queue, route }) => ({
      exchange: route.exchange,
      queue,
      routingKey: bindingKey(route, contract.name),
    })),
  };
}

/** The queue or group of an instance of a consumer. */
export function sourceOf({ isPerInstance, source }: Consumer, instance: string): string {
  return isPerInstance === true ? `${source}.${instance}` : source;
}

/** Ends with its only consumer. */
export const instanceQueue = { durable: false, exclusive: true, autoDelete: true } as const;
const sharedQueue = { durable: true, exclusive: false, autoDelete: false } as const;

/** Commands are addressed by name; a fanout ignores the key, so it carries the subject instead. */
export function bindingKey(route: RabbitRoute, name: string): string {
  return route.exchangeType === "direct" ? name : "";
}

/** Stands for the instance in a name. */
const anyInstance = "*";

const deadLetterTopic: Topic = {
  name: deadLetters.topic,
  partitions: 1,
  key: "kept",
  producer: "any-service",
  groups: [],
};
const deadLetterExchange: Exchange = {
  name: deadLetters.exchange,
  type: "topic",
  durable: true,
  producer: "any-service",
};
const deadLetterQueue: Queue = {
  name: deadLetters.queue,
  ...sharedQueue,
  consumer: "operator",
  isPerInstance: false,
};
const deadLetterBinding: BindingDeclaration = {
  exchange: deadLetters.exchange,
  queue: deadLetters.queue,
  routingKey: "#",
};

function topicOf({ route, consumers }: Used<KafkaRoute>): Topic {
  return {
    name: route.topic,
    partitions: route.partitions,
    key: "objectKey",
    producer: route.producer,
    groups: consumers.map((consumer) => sourceOf(consumer, anyInstance)),
  };
}

function exchangeOf({ route }: Used<RabbitRoute>): Exchange {
  return {
    name: route.exchange,
    type: route.exchangeType,
    durable: true,
    producer: route.producer,
  };
}

function queuesOf({ consumers }: Used<RabbitRoute>): readonly Queue[] {
  return consumers.map((consumer) => ({
    name: sourceOf(consumer, anyInstance),
    ...(consumer.isPerInstance === true ? instanceQueue : sharedQueue),
    consumer: consumer.service,
    isPerInstance: consumer.isPerInstance === true,
  }));
}

function bindingsOf({ name, route, consumers }: Used<RabbitRoute>): readonly BindingDeclaration[] {
  return consumers.map((consumer) => ({
    exchange: route.exchange,
    queue: sourceOf(consumer, anyInstance),
    routingKey: bindingKey(route, name),
  }));
}

function uniqueByName(exchanges: readonly Exchange[]): readonly Exchange[] {
  return [...new Map(exchanges.map((exchange) => [exchange.name, exchange])).values()];
}
