import { catalogue, consumersIn } from "./contracts/catalogue.ts";
import type { Consumer, FlowName, KafkaRoute, RabbitRoute, Route } from "./contracts/contract.ts";
import type { BindingDeclaration, ExchangeDeclaration } from "./ports.ts";

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
export type Queue = { readonly name: string; readonly durable: true; readonly consumer: string };
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

/** Commands are addressed by name; a fanout ignores the key, so it carries the subject instead. */
export function bindingKey(route: RabbitRoute, name: string): string {
  return route.exchangeType === "direct" ? name : "";
}

const deadLetterTopic: Topic = {
  name: deadLetters.topic,
  partitions: 1,
  key: "kept",
  producer: "whoever parks",
  groups: [],
};
const deadLetterExchange: Exchange = {
  name: deadLetters.exchange,
  type: "topic",
  durable: true,
  producer: "whoever parks",
};
const deadLetterQueue: Queue = { name: deadLetters.queue, durable: true, consumer: "a person" };
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
    groups: consumers.map(({ source }) => source),
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
  return consumers.map(({ source, service }) => ({
    name: source,
    durable: true,
    consumer: service,
  }));
}

function bindingsOf({ name, route, consumers }: Used<RabbitRoute>): readonly BindingDeclaration[] {
  return consumers.map(({ source }) => ({
    exchange: route.exchange,
    queue: source,
    routingKey: bindingKey(route, name),
  }));
}

function uniqueByName(exchanges: readonly Exchange[]): readonly Exchange[] {
  return [...new Map(exchanges.map((exchange) => [exchange.name, exchange])).values()];
}
