import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { inject } from "vitest";
import { openServers, root } from "../../../../scripts/services/open-servers.ts";
import { callNode } from "../../../../scripts/services/rabbitmq.ts";

const given = inject("servers");
const { RABBIT_HOST: host = "", RABBIT_MANAGEMENT_URL: managementUrl = "" } = given;
const { RABBIT_USER: user = "", RABBIT_PASS: password = "" } = given;

/** The server of `npm run services`, which tests may stop. */
const server = openServers().find(({ name }) => name === "rabbitmq");

/** The RabbitMQ to test on. Its management is needed for virtual hosts that belong to one test. */
export const rabbit = {
  isThere: host !== "" && managementUrl !== "",
  isOurs: inject("ours").includes("rabbitmq"),
  address: { host, port: Number(given["RABBIT_PORT"]), user, password },
  start: async () => void (await server?.start()),
  async stop() {
    await server?.stop();
  },
  kill: async () => server?.kill(),
  /** As a broker that is short of memory: it takes nothing from whoever publishes. */
  setFull: (isFull: boolean) =>
    call(`vm_memory_monitor set_vm_memory_high_watermark [${isFull ? "0" : "0.4"}]`),
  /** How large a message may be on a channel opened from now on; default 128 MiB. */
  setLargestMessage: (bytes = 128 * 1024 * 1024) =>
    call(`application set_env [rabbit, max_message_size, ${bytes}]`),
  /** How long a channel opened from now on waits for a delivery to be settled; default 30 minutes. */
  setConsumerTimeout: (timeoutMs: number) =>
    call(`application set_env [rabbit, consumer_timeout, ${timeoutMs}]`),
};

async function call(text: string): Promise<void> {
  const running = await server?.running();
  if (running) await callNode({ directory: join(root, "rabbitmq"), ports: running.ports }, text);
}

/** RabbitMQ's HTTP API. */
export async function manage(method: string, path: string, body?: object): Promise<unknown> {
  const credentials = Buffer.from(`${user}:${password}`).toString("base64");
  const response = await fetch(`${managementUrl}/api/${path}`, {
    method,
    headers: { authorization: `Basic ${credentials}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === "" ? null : JSON.parse(text);
}

/** A virtual host that nobody else uses; it goes with all that is in it. */
export async function openVhost() {
  const name = `tu/test %2f ${randomUUID()}`;
  const path = encodeURIComponent(name);
  await manage("PUT", `vhosts/${path}`);
  const everything = { configure: ".*", write: ".*", read: ".*" };
  await manage("PUT", `permissions/${path}/${user}`, everything);
  return {
    name,
    path,
    remove: async () => void (await manage("DELETE", `vhosts/${path}`)),
  };
}

/** As an operator who closes every connection. */
export async function closeConnections(): Promise<void> {
  await call('rabbit_networking close_all_connections ["bye"]');
}
