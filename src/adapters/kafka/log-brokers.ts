import type { Cluster } from "kafkajs";
import type { TopicPartition } from "../../pipeline/ports/event-log.ts";
import type { Client } from "./client.ts";
import { type FetchResponse, oldestVersion, readFetchResponse } from "./fetch-response.ts";
import { createRangeAssigner } from "./range-assigner.ts";

// Asks brokers for what is in partitions, without a group. kafkajs gives its requests to members of groups only, so
// this file owns the parts of it that have to be reached otherwise (kafkajs 2.2.4):
//
// 1. The connections, which kafkajs gives to the assigners of a consumer. That consumer never runs: its group is never
//    named to a broker.
// 2. `lookupRequest` and `connectionPool.send`, which write a request in the newest version that both sides know.
// 3. Answers are taken as they are. kafkajs throws away the whole of one in which one partition has an error.

export type Brokers = {
  /** Where the partitions of these topics are led. */
  layoutOf(topics: readonly string[]): Promise<readonly TopicLayout[]>;
  /** The first offset with this time or a later one, null if there is none; or where a partition begins or ends. */
  offsets(places: readonly Led[], at: number | "start" | "end"): Promise<readonly OffsetAnswer[]>;
  fetch(leader: number, wanted: readonly Wanted[]): Promise<FetchResponse>;
};

export type Led = TopicPartition & { readonly leader: number };
export type TopicLayout = {
  readonly topic: string;
  readonly errorCode: number;
  /** A leader below zero: nobody leads it at the moment. */
  readonly partitions: readonly Led[];
};
export type OffsetAnswer = TopicPartition & {
  readonly errorCode: number;
  readonly offset: number | null;
};
export type Wanted = TopicPartition & { readonly offset: number };

const fetchKey = 1;
const listOffsetsKey = 2;
const metadataKey = 3;
/** Records of transactions that were aborted, or are open, are not read, as by every member of a group. */
const readCommitted = 1;
const specialTimes = { start: -2, end: -1 };
/** A fetch is answered when there is something, or then. */
const maxWaitTimeMs = 500;
/** All partitions of an answer together; a record that is larger comes alone. */
const fetchBytes = 4 * 1024 * 1024;
const partitionBytes = 1024 * 1024;

type Protocol = {
  readonly request: { readonly apiVersion: number };
  readonly response: { decode(raw: Buffer): Promise<unknown> };
};
type Broker = {
  readonly versions: unknown;
  connect(): Promise<void>;
  lookupRequest(apiKey: number, definition: unknown): (given: object) => Protocol;
  readonly connectionPool: { send(protocol: object): Promise<unknown> };
};
type Address = { readonly host: string; readonly port: number; readonly rack?: string | null };
type Internals = Cluster & {
  readonly rootLogger: unknown;
  readonly connectionPoolBuilder: { build(address: Address): Promise<unknown> };
  readonly brokerPool: {
    readonly seedBroker: Broker;
    createBroker(options: object): Broker;
  };
};
type Metadata = {
  readonly brokers: readonly (Address & { readonly nodeId: number })[];
  readonly topicMetadata: readonly {
    readonly topic: string;
    readonly topicErrorCode: number;
    readonly partitionMetadata: readonly {
      readonly partitionId: number;
      readonly leader: number;
    }[];
  }[];
};
type ListedOffsets = {
  readonly responses: readonly {
    readonly topic: string;
    readonly partitions: readonly {
      readonly partition: number;
      readonly errorCode: number;
      readonly offset: string;
    }[];
  }[];
};

export async function openBrokers(client: Client): Promise<Brokers> {
  const { requests } = (await import("kafkajs/src/protocol/requests/index.js")).default;
  const cluster = clusterOf(client);
  await cluster.connect();
  const seed = cluster.brokerPool.seedBroker;
  const addresses = new Map<number, Address>();
  const connected = new Map<number, Promise<Broker>>();

  const connect = async (nodeId: number): Promise<Broker> => {
    const address = addresses.get(nodeId);
    if (address === undefined) throw new Error(`no broker ${nodeId} is known`);
    const connectionPool = await cluster.connectionPoolBuilder.build(address);
    const broker = cluster.brokerPool.createBroker({
      ...{ connectionPool, nodeId, logger: cluster.rootLogger, versions: seed.versions },
    });
    await broker.connect();
    return broker;
  };
  const brokerOf = (nodeId: number) => {
    const broker = connected.get(nodeId) ?? connect(nodeId);
    connected.set(nodeId, broker);
    return broker;
  };
  const ask = (broker: Broker, apiKey: number, given: object, definition: unknown) => {
    const protocol = broker.lookupRequest(apiKey, definition)(given);
    return send(broker, protocol, (raw) => protocol.response.decode(raw));
  };
  return {
    async layoutOf(topics) {
      if (topics.length === 0) return [];
      const given = { topics, allowAutoTopicCreation: false };
      const answer = (await ask(seed, metadataKey, given, requests.Metadata)) as Metadata; // decoded by kafkajs
      for (const { nodeId, ...address } of answer.brokers) addresses.set(nodeId, address);
      return answer.topicMetadata.map(layoutFrom);
    },
    async offsets(places, at) {
      const timestamp = typeof at === "number" ? at : specialTimes[at];
      const answers = [...byLeader(places)].map(async ([leader, led]) => {
        const topics = byTopic(led, ({ partition }) => ({ partition, timestamp }));
        const given = { replicaId: -1, isolationLevel: readCommitted, topics };
        const broker = await brokerOf(leader);
        return ask(broker, listOffsetsKey, given, requests.ListOffsets) as Promise<ListedOffsets>; // decoded by kafkajs
      });
      return (await Promise.all(answers)).flatMap(offsetsFrom);
    },
    async fetch(leader, wanted) {
      const broker = await brokerOf(leader);
      const protocol = broker.lookupRequest(
        fetchKey,
        requests.Fetch,
      )({
        ...{ isolationLevel: readCommitted, maxWaitTime: maxWaitTimeMs, minBytes: 1 },
        maxBytes: fetchBytes,
        topics: byTopic(wanted, ({ offset, partition }) => ({
          ...{ partition, fetchOffset: offset, maxBytes: partitionBytes },
        })),
      });
      const { apiVersion } = protocol.request;
      if (apiVersion < oldestVersion) throw new Error("this broker is older than Kafka 0.11");
      return send(broker, protocol, async (raw) => readFetchResponse(raw, apiVersion));
    },
  };
}

function send<T>(
  { connectionPool }: Broker,
  protocol: Protocol,
  decode: (raw: Buffer) => Promise<T>,
): Promise<T> {
  const response = { decode, parse: async (decoded: T) => decoded };
  return connectionPool.send({ ...protocol, response }) as Promise<T>; // what `parse` returns
}

function clusterOf({ kafka, protocol }: Client): Internals {
  const found: Cluster[] = [];
  const assigner = createRangeAssigner(protocol, (cluster) => found.push(cluster));
  kafka.consumer({ groupId: "none", partitionAssigners: [assigner] });
  return found[0] as Internals; // kafkajs calls assigners as it makes the consumer
}

function layoutFrom({
  partitionMetadata,
  topic,
  topicErrorCode,
}: Metadata["topicMetadata"][number]): TopicLayout {
  const partitions = partitionMetadata.map(({ leader, partitionId }) => ({
    ...{ topic, leader, partition: partitionId },
  }));
  return { topic, errorCode: topicErrorCode, partitions };
}

function offsetsFrom({ responses }: ListedOffsets): readonly OffsetAnswer[] {
  return responses.flatMap(({ partitions, topic }) =>
    partitions.map(({ errorCode, offset, partition }) => ({
      ...{ topic, partition, errorCode, offset: Number(offset) < 0 ? null : Number(offset) },
    })),
  );
}

export function byLeader<T extends Led>(places: readonly T[]): ReadonlyMap<number, readonly T[]> {
  const leaders = [...new Set(places.map(({ leader }) => leader))];
  return new Map(leaders.map((one) => [one, places.filter(({ leader }) => leader === one)]));
}

/** Requests name partitions by topic. */
function byTopic<T extends TopicPartition>(places: readonly T[], asked: (place: T) => object) {
  const topics = new Map<string, object[]>();
  for (const place of places) {
    const partitions = topics.get(place.topic) ?? [];
    partitions.push(asked(place));
    topics.set(place.topic, partitions);
  }
  return [...topics].map(([topic, partitions]) => ({ topic, partitions }));
}
