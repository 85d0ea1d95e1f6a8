import type { Admin, Message, Producer } from "kafkajs";
import type { TransportState } from "../../pipeline/ports/transport.ts";
import { type Client, type OpenClient, retry } from "./client.ts";
import { createConnectionState } from "./connection-state.ts";
import { toTuError } from "./errors.ts";
import { partitionOf } from "./partitioner.ts";
import { atMost, within } from "./within.ts";

/** Something that lives on the connection: a subscription. */
export type Attached = {
  /** The connection is gone. */
  lose(): void;
  /** Resolves when it works again. */
  rejoin(): Promise<void>;
  /** The connection is told to be back. */
  resume(): void;
  /** Looks after itself, once a second while the connection is up. */
  watch(): Promise<void>;
};

type Link = {
  readonly client: Client;
  readonly admin: Admin;
  readonly producer: Producer;
  /** Where the producer put a message that it is sending. */
  readonly partitionOf: (message: Message) => number;
};

export type Connection = {
  onState(listener: (state: TransportState) => void): () => void;
  isUp(): boolean;
  requireUp(): void;
  /** Something failed that may be the connection: look now. */
  suspect(): void;
  /** Runs one operation; rejects with our errors, at once if the connection is lost meanwhile. */
  run<T>(doing: string, work: (link: Link) => Promise<T>): Promise<T>;
  attach(member: Attached): () => void;
  openClient: OpenClient;
  close(): Promise<void>;
};

const openTimeoutMs = 5000;
const probeTimeoutMs = 3000;
const watchIntervalMs = 1000;
/** Every second look. */
const probeEvery = 2;
const firstPauseMs = 100;
const longestPauseMs = 1000;
const closeTimeoutMs = 2000;

/**
 * Knows whether the brokers can be reached, which kafkajs does not say.
 *
 * 1. A connection that closes, and an operation that fails, are suspicions; a request decides. So does one every few
 *    seconds: half-open connections look fine.
 * 2. After `lost` everything is opened anew. kafkajs's own reconnection is never relied on.
 * 3. `back` is told when every subscription has rejoined.
 */
export async function createConnection(openClient: OpenClient): Promise<Connection> {
  const state = createConnectionState();
  const members = new Set<Attached>();
  let isOpen = false; // until then, a connection that closes fails the opening itself
  const suspect = () => {
    if (isOpen) void check();
  };
  const openFresh = () => openLink(openClient, suspect).catch(() => null); // tried again
  let link = await openLink(openClient, suspect);
  let isChecking = false;

  const isReachable = async () => {
    const asked = within(probeTimeoutMs, "asking Kafka", link.admin.describeCluster());
    if (await asked.then(Boolean, () => false)) return true;
    // A fresh link tells a connection that was merely idle from brokers that are gone.
    const fresh = await openFresh();
    if (fresh === null) return false;
    link.client.destroy();
    link = fresh;
    return true;
  };
  const check = async () => {
    if (isChecking || !state.is("up")) return;
    isChecking = true;
    const isFine = await isReachable();
    isChecking = false;
    if (!isFine && state.is("up")) lose();
    else if (state.is("closed")) link.client.destroy();
  };
  const lose = () => {
    state.set("lost");
    link.client.destroy();
    for (const member of members) member.lose();
    state.tell("lost");
    void reconnect();
  };
  const reconnect = async () => {
    for (let pauseMs = firstPauseMs; state.is("lost"); pauseMs *= 2) {
      await state.sleep(Math.min(pauseMs, longestPauseMs));
      if (state.is("lost") && (await isReopened())) return;
    }
  };
  const isReopened = async () => {
    const fresh = await openFresh();
    if (fresh === null) return false;
    const isJoined = state.is("lost") && (await haveRejoined(members));
    if (!isJoined || !state.is("lost")) {
      fresh.client.destroy();
      for (const member of members) member.lose();
      return false;
    }
    link = fresh;
    state.set("up");
    state.tell("back");
    for (const member of members) member.resume();
    suspect(); // what broke while they rejoined was not looked at
    return true;
  };
  isOpen = true;
  let looks = 0;
  const timer = setInterval(() => {
    looks += 1;
    if (looks % probeEvery === 0) suspect();
    if (state.is("up")) for (const member of members) member.watch().catch(suspect);
  }, watchIntervalMs);
  return {
    ...{ onState: state.onState, requireUp: state.requireUp, isUp: () => state.is("up") },
    ...{ suspect, openClient },
    run: (doing, work) => runOn(state, () => work(link), { doing, suspect }),
    attach(member) {
      members.add(member);
      return () => void members.delete(member);
    },
    async close() {
      const wasUp = state.is("up");
      clearInterval(timer);
      state.set("closed");
      if (wasUp) await atMost(closeTimeoutMs, disconnect(link));
      link.client.destroy();
    },
  };
}

async function runOn<T>(
  state: ReturnType<typeof createConnectionState>,
  work: () => Promise<T>,
  { doing, suspect }: { doing: string; suspect: () => void },
): Promise<T> {
  state.requireUp();
  try {
    return await state.whileUp(work());
  } catch (error) {
    const known = toTuError(error, doing);
    if (known.code === "E_SERVICE_UNAVAILABLE") suspect();
    throw known;
  }
}

function haveRejoined(members: ReadonlySet<Attached>): Promise<boolean> {
  const rejoined = Promise.all([...members].map((member) => member.rejoin()));
  return rejoined.then(Boolean, () => false);
}

async function disconnect({ admin, producer }: Link): Promise<void> {
  await Promise.all([producer.disconnect(), admin.disconnect()]);
}

async function openLink(openClient: OpenClient, onBroken: () => void): Promise<Link> {
  const client = openClient(onBroken);
  const places = new WeakMap<Message, number>();
  const createPartitioner =
    () =>
    ({ message, partitionMetadata }: { message: Message; partitionMetadata: unknown[] }) => {
      const key = typeof message.key === "string" ? Buffer.from(message.key) : message.key;
      const partition = partitionOf(key ?? null, partitionMetadata.length);
      places.set(message, partition);
      return partition;
    };
  const admin = client.kafka.admin({ retry });
  const producer = client.kafka.producer({
    ...{ retry, createPartitioner, allowAutoTopicCreation: false, metadataMaxAge: 30_000 },
  });
  const opened = (async () => {
    await admin.connect();
    await admin.describeCluster();
    await producer.connect();
  })();
  try {
    await within(openTimeoutMs, "connecting to Kafka", opened);
  } catch (error) {
    client.destroy();
    opened.catch(() => undefined); // told already
    throw toTuError(error, "cannot connect to Kafka");
  }
  return { admin, client, producer, partitionOf: (message) => places.get(message) ?? 0 };
}
