import { join } from "node:path";
import { openServers } from "../services/open-servers.ts";
import { callNode } from "../services/rabbitmq.ts";
import type { Ports, Server } from "../services/service.ts";
import { openProxy, type Way } from "./proxy.ts";

// Real servers with data of their own, and a way to each that can be disturbed.

export const places = ["kafka", "rabbitmq", "s3"] as const;
export type Place = (typeof places)[number];

export type Cluster = {
  readonly servers: Readonly<Record<Place, Server>>;
  readonly ways: Readonly<Record<Place, Way>>;
  /** What the pipeline reads: it comes by the ways. */
  readonly variables: Readonly<Record<string, string>>;
  /** The same without the ways, for whoever checks. */
  readonly direct: Readonly<Record<string, string>>;
  /** RabbitMQ takes nothing from whoever publishes, as when it is short of memory. */
  setFull(isFull: boolean): Promise<void>;
  close(): Promise<void>;
};

const targetPort: Readonly<Record<Place, string>> = {
  kafka: "behind",
  rabbitmq: "amqp",
  s3: "api",
};

export async function openCluster(root: string): Promise<Cluster> {
  const all = openServers(root);
  const named = (name: Place): Server => {
    const server = all.find((one) => one.name === name);
    if (server === undefined) throw new Error(`there is no server ${name}`);
    return server;
  };
  const servers = { kafka: named("kafka"), rabbitmq: named("rabbitmq"), s3: named("s3") };
  const direct: Record<string, string> = {};
  const start = async (place: Place): Promise<[Place, Way, Ports]> => {
    const running = await servers[place].start();
    Object.assign(direct, servers[place].variables(running));
    const { ports } = running;
    return [place, await openProxy(ports[targetPort[place]] ?? 0, ports["way"]), ports];
  };
  const started = await Promise.all(places.map(start));
  const ports = new Map(started.map(([place, , of]) => [place, of]));
  // Every place is in there.
  const ways = Object.fromEntries(started.map(([place, way]) => [place, way])) as Cluster["ways"];
  const s3 = `127.0.0.1:${ways.s3.port}`;
  return {
    ...{ servers, ways, direct },
    variables: {
      ...direct,
      KAFKA_BROKERS: `127.0.0.1:${ways.kafka.port}`,
      RABBIT_PORT: String(ways.rabbitmq.port),
      Minio__Endpoint: s3,
      Minio__PublicBaseUrl: `http://${s3}`,
    },
    setFull: (isFull) =>
      callNode(
        { directory: join(root, "rabbitmq"), ports: ports.get("rabbitmq") ?? {} },
        `vm_memory_monitor set_vm_memory_high_watermark [${isFull ? "0" : "0.4"}]`,
      ),
    async close() {
      for (const way of Object.values(ways)) way.close();
      await Promise.all(Object.values(servers).map((server) => server.stop()));
    },
  };
}
