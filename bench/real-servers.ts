// The real servers of P5, P6, P7 and P11: those that variables name, as for the pipeline's services, unless somebody uses
// them; otherwise some of our own, with empty data, stopped afterwards.
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ChannelModel } from "amqplib";
import { openServers } from "../scripts/services/open-servers.ts";
import { MissingTools, type Server } from "../scripts/services/service.ts";
import type { Cluster } from "../src/commands/cluster.ts";
import { sharedTopologyOf } from "../src/pipeline/topology.ts";
import { connectRabbit } from "./bridge-loops.ts";
import type { Figure } from "./measure.ts";

const names = ["kafka", "rabbitmq", "s3"];
const variableNames = ["KAFKA_BROKERS", "RABBIT_HOST", "Minio__Endpoint"];
const root = join(import.meta.dirname, "..", ".cache", "bench");

export type RealServers = Cluster & { readonly s3: NonNullable<Cluster["s3"]> };

/** No figures, and a word why, where the servers cannot be started. */
export async function onRealServers(
  id: string,
  work: (servers: RealServers) => Promise<readonly Figure[]>,
): Promise<readonly Figure[]> {
  if (variableNames.every((name) => process.env[name] !== undefined)) {
    const servers = serversAt(process.env);
    const user = await userOf(servers);
    if (user === null) return work(servers);
    console.log(`${id}: left out on real servers: those that variables name are in use: ${user}`);
    return [];
  }
  const own = openServers(root).filter(({ name }) => names.includes(name));
  try {
    const variables = await started(own);
    return await work(serversAt(variables));
  } catch (error) {
    if (!(error instanceof MissingTools)) throw error;
    console.log(`${id}: left out on real servers: ${error.message}`);
    return [];
  } finally {
    for (const server of own) await server.stop();
  }
}

/** A bench empties the pipeline's queues. */
async function userOf(servers: RealServers): Promise<string | null> {
  const model = await connectRabbit(servers);
  try {
    for (const { name } of sharedTopologyOf("full").queues) {
      const found = await lookAt(model, name);
      if (found === null) continue;
      const { consumerCount, messageCount } = found;
      if (consumerCount + messageCount > 0)
        return `${name} has ${consumerCount} consumers and ${messageCount} messages`;
    }
    return null;
  } finally {
    await model.close();
  }
}

/** Null if there is no such queue, which closes the channel. */
async function lookAt(model: ChannelModel, queue: string) {
  const channel = await model.createChannel();
  channel.on("error", () => undefined); // it rejects as well
  try {
    return await channel.checkQueue(queue);
  } catch (error) {
    if ((error as { code?: number }).code === 404) return null;
    throw error;
  }
}

async function started(own: readonly Server[]): Promise<Readonly<Record<string, string>>> {
  for (const leftOver of own) await leftOver.stop();
  await rm(root, { recursive: true, force: true });
  await mkdir(root, { recursive: true });
  const variables: Record<string, string> = {};
  for (const server of own) Object.assign(variables, server.variables(await server.start()));
  return variables;
}

function serversAt(variables: Readonly<Record<string, string | undefined>>): RealServers {
  const of = (name: string) => variables[name] ?? "";
  const endpoint = `http://${of("Minio__Endpoint")}`;
  return {
    ...{ name: "bench", gateway: null, services: {}, internalToken: null },
    kafka: { brokers: of("KAFKA_BROKERS").split(","), tls: null, sasl: null },
    rabbitmq: {
      ...{ host: of("RABBIT_HOST"), port: Number(variables["RABBIT_PORT"] ?? 5672), vhost: "/" },
      ...{ user: of("RABBIT_USER"), password: of("RABBIT_PASS"), tls: null },
    },
    s3: {
      ...{ endpoint, publicBaseUrl: variables["Minio__PublicBaseUrl"] ?? endpoint, ca: null },
      ...{ region: variables["Minio__Region"] ?? "us-east-1", bucket: of("Minio__BucketName") },
      ...{ accessKey: of("Minio__AccessKey"), secretKey: of("Minio__SecretKey") },
    },
  };
}
