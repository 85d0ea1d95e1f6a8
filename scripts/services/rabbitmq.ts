// RabbitMQ, one node with its management plugin, from Debian's package.
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Place, Ports, Service } from "./service.ts";

const run = promisify(execFile);

/** RabbitMQ's own script. The one on Debian's path changes the user, and fails for anybody but root. */
const script = "/usr/lib/rabbitmq/bin/rabbitmq-server";
const nodeName = "tu-analyze@localhost";
/** A channel looks at its timeouts once a minute by default; tests do not wait for that. */
const erlangArguments =
  "-kernel inet_dist_use_interface {127,0,0,1} -rabbit channel_tick_interval 500";

export const rabbitmq: Service = {
  name: "rabbitmq",
  needs: [{ command: "rabbitmq-server", package: "rabbitmq-server" }],
  portNames: ["amqp", "management", "distribution", "epmd"],
  variableNames: [
    ...["RABBIT_HOST", "RABBIT_PORT", "RABBIT_USER", "RABBIT_PASS"],
    "RABBIT_MANAGEMENT_URL",
  ],
  variables: ({ amqp, management }) => ({
    RABBIT_HOST: "127.0.0.1",
    RABBIT_PORT: String(amqp),
    RABBIT_USER: "guest",
    RABBIT_PASS: "guest",
    RABBIT_MANAGEMENT_URL: `http://127.0.0.1:${management}`,
  }),
  install: async () => undefined, // it is there, or `needs` says how to get it
  async prepare(place) {
    await writeFile(settingsFile(place), settingsOf(portsOf(place)));
    await writeFile(join(place.directory, "plugins"), "[rabbitmq_management].\n");
    return {
      command: script,
      args: [],
      environment: environmentOf(place),
      isUp: (output) => output.includes("Server startup complete"),
    };
  },
  /** The Erlang port mapper is a daemon that outlives the node. */
  async cleanUp(place) {
    await run("epmd", ["-kill"], { env: { ...process.env, ...environmentOf(place) } }).catch(
      () => undefined, // it has ended already
    );
  },
};

function settingsFile({ directory }: Pick<Place, "directory">): string {
  return join(directory, "rabbitmq.conf");
}

function portsOf({ ports }: Place) {
  return ports as Ports & {
    readonly amqp: number;
    readonly management: number;
    readonly distribution: number;
    readonly epmd: number;
  }; // `portNames`
}

function settingsOf({ amqp, management }: ReturnType<typeof portsOf>): string {
  const settings = {
    "listeners.tcp.1": `127.0.0.1:${amqp}`,
    "management.tcp.ip": "127.0.0.1",
    "management.tcp.port": management,
  };
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join("");
}

/** Everything of the node is in its directory, the cookie too; what the machine configures elsewhere is not read. */
function environmentOf(place: Place): Readonly<Record<string, string>> {
  const { distribution, epmd } = portsOf(place);
  const inside = (name: string) => join(place.directory, name);
  return {
    HOME: place.directory,
    ERL_EPMD_ADDRESS: "127.0.0.1",
    ERL_EPMD_PORT: String(epmd),
    ERL_EPMD_RELAXED_COMMAND_CHECK: "true", // so that it can be ended at once after the node
    ERL_CRASH_DUMP: inside("crash"),
    RABBITMQ_NODENAME: nodeName,
    RABBITMQ_DIST_PORT: String(distribution),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: erlangArguments,
    RABBITMQ_CONF_ENV_FILE: inside("rabbitmq-env.conf"),
    RABBITMQ_CONFIG_FILE: settingsFile(place),
    RABBITMQ_CONFIG_FILES: inside("conf.d"),
    RABBITMQ_ADVANCED_CONFIG_FILE: inside("advanced.config"),
    RABBITMQ_ENABLED_PLUGINS_FILE: inside("plugins"),
    RABBITMQ_MNESIA_BASE: inside("data"),
    RABBITMQ_SCHEMA_DIR: inside("schema"),
    RABBITMQ_GENERATED_CONFIG_DIR: inside("config"),
    RABBITMQ_LOG_BASE: inside("logs"),
    RABBITMQ_LOGS: "-", // the standard output
    RUNNING_UNDER_SYSTEMD: "true", // the script becomes the node, instead of waiting for it
  };
}

/** Runs a function of Erlang in the node: `module function [arguments]`. */
export async function callNode(
  { directory, ports }: { readonly directory: string; readonly ports: Ports },
  call: string,
): Promise<void> {
  const cookie = await readFile(join(directory, ".erlang.cookie"), "utf8");
  await run("erl_call", [
    "-address",
    `127.0.0.1:${ports["distribution"]}`,
    "-c",
    cookie,
    "-a",
    call,
  ]);
}
