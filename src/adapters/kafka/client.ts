import { connect as connectPlain, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type {
  AssignerProtocol,
  CompressionCodecs,
  ISocketFactory,
  Kafka,
  KafkaConfig,
} from "kafkajs";
import { patchHeaders } from "./wire-headers.ts";

export type KafkaOptions = {
  /** `host:port` of at least one broker. */
  readonly brokers: readonly string[];
  readonly clientId?: string;
  readonly ssl?: NonNullable<KafkaConfig["ssl"]>;
  readonly sasl?: NonNullable<KafkaConfig["sasl"]>;
  /** What kafkajs logs: retriable answers are errors to it. */
  readonly onDebug?: (line: string) => void;
  /** Opens a plain connection; for tests that cut it. */
  readonly connect?: (host: string, port: number) => Socket;
};

/**
 * A kafkajs client with its own connections. `destroy` ends all of them at once, and whatever kafkajs starts with it
 * afterwards fails: neither a `disconnect` that hangs nor a consumer that restarts by itself can outlive it.
 */
export type Client = {
  readonly kafka: Kafka;
  readonly protocol: typeof AssignerProtocol;
  /** By the number that batches of records have for them. */
  readonly codecs: typeof CompressionCodecs;
  /** For how many calls in a row, up to this one, a connection has owed an answer without a byte of it. */
  countSilence(): number;
  destroy(): void;
};

export type OpenClient = (onBroken: () => void) => Client;

/** How often kafkajs tries by itself. Few: reconnecting is ours. */
export const retry = { retries: 4, initialRetryTime: 50, maxRetryTime: 1000 };

export async function loadClients(options: KafkaOptions): Promise<OpenClient> {
  await patchHeaders();
  const { default: kafkajs } = await import("kafkajs");
  return (onBroken) => {
    const sockets = createSockets(options, onBroken);
    const kafka = new kafkajs.Kafka({
      brokers: [...options.brokers],
      clientId: options.clientId ?? "tu-analyze",
      ...(options.ssl === undefined ? {} : { ssl: options.ssl }),
      ...(options.sasl === undefined ? {} : { sasl: options.sasl }),
      connectionTimeout: 3000,
      requestTimeout: 10_000,
      retry,
      socketFactory: sockets.open,
      logLevel: options.onDebug === undefined ? kafkajs.logLevel.NOTHING : kafkajs.logLevel.INFO,
      logCreator:
        () =>
        ({ namespace, log }) =>
          options.onDebug?.(`${namespace}: ${log.message}${errorIn(log)}`),
    });
    const { countSilence, destroy } = sockets;
    const { AssignerProtocol: protocol, CompressionCodecs: codecs } = kafkajs;
    return { kafka, protocol, codecs, countSilence, destroy };
  };
}

function errorIn(log: { readonly [key: string]: unknown }): string {
  return log["error"] === undefined ? "" : `: ${String(log["error"])}`;
}

/** What was written when something came last, and how often nothing has come since although something was written. */
type Silence = { written: number; count: number };

function createSockets(options: KafkaOptions, onBroken: () => void) {
  const sockets = new Map<Socket, Silence>();
  let isDestroyed = false;
  const connect = options.connect ?? ((host, port) => connectPlain({ host, port }));
  const open: ISocketFactory = ({ host, onConnect, port, ssl }) => {
    // Absent without TLS, whatever the type says.
    const isPlain = (ssl as typeof ssl | null | undefined) == null;
    const name = isIP(host) === 0 ? { servername: host } : {};
    const socket = isPlain ? connect(host, port) : connectTls({ host, port, ...name, ...ssl });
    socket.once(isPlain ? "connect" : "secureConnect", onConnect);
    socket.setKeepAlive(true, 30_000);
    // kafkajs calls `unref` for every request that fails on it: without a connection each one is a listener to Node.
    socket.setMaxListeners(0);
    const silence: Silence = { written: 0, count: 0 };
    sockets.set(socket, silence);
    socket.on("data", () => {
      silence.written = socket.bytesWritten;
      silence.count = 0;
    });
    socket.once("close", () => {
      sockets.delete(socket);
      if (!isDestroyed) onBroken();
    });
    if (isDestroyed) socket.destroy(new Error("this client was closed"));
    return socket;
  };
  return {
    open,
    countSilence() {
      for (const [socket, silence] of sockets)
        silence.count = socket.bytesWritten > silence.written ? silence.count + 1 : 0;
      return Math.max(0, ...[...sockets.values()].map(({ count }) => count));
    },
    destroy() {
      isDestroyed = true;
      for (const socket of sockets.keys()) socket.destroy(new Error("this client was closed")); // kafkajs hears errors only
    },
  };
}
