// Another side of P2 and P4: a Restate handler of five `ctx.run` steps in this process, on a Restate server of its
// own, called through its ingress.
import { createServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { loadPeer, pathInPeers, steps } from "./peers.ts";
import { freePort, type Server, startServer } from "./servers.ts";
import type { Shell } from "./shell.ts";

/** The part of Restate's SDK 1.17 that is used (`restate-sdk/dist/node.d.ts`, `restate-sdk-clients/dist/api.d.ts`). */
type Context = { run(name: string, action: () => Promise<string>): Promise<string> };
type Handlers = { readonly run: (context: Context, flow: string) => Promise<string> };
type Definition = { readonly name: string };
type Sdk = {
  service(options: { readonly name: string; readonly handlers: Handlers }): Definition;
  createEndpointHandler(options: {
    readonly services: readonly Definition[];
    readonly logger: (about: { readonly level: string }, ...message: unknown[]) => void;
  }): (request: Http2ServerRequest, response: Http2ServerResponse) => void;
};
type Clients = {
  connect(options: { readonly url: string }): {
    serviceClient(definition: Definition): { run(flow: string): Promise<string> };
  };
};

const host = "127.0.0.1";

/** Null if Restate's server or SDK (`npm ci --prefix bench/peers`) is not installed. */
export async function openRestate(directory: string): Promise<Shell | null> {
  const sdk = loadPeer("@restatedev/restate-sdk") as Sdk | null; // declared above, as far as it is used
  const clients = loadPeer("@restatedev/restate-sdk-clients") as Clients | null; // likewise
  if (sdk === null || clients === null) return null;
  const ports = { admin: await freePort(), ingress: await freePort(), fabric: await freePort() };
  const server = await startRestate(directory, ports);
  if (server === null) return null;
  addWithResolvers();
  const definition = sdk.service({ name: "flow", handlers: { run: takeSteps } });
  const handler = sdk.createEndpointHandler({ services: [definition], logger: tellErrors });
  const services = createServer(handler);
  const port = await freePort();
  await new Promise<void>((resolve) => services.listen(port, host, resolve));
  await register(ports.admin, `http://${host}:${port}`);
  const client = clients.connect({ url: `http://${host}:${ports.ingress}` });
  const flow = client.serviceClient(definition);
  await flow.run("flow-0"); // the ingress takes time to learn of a new deployment
  let flows = 0;
  return {
    async run() {
      flows += 1;
      await flow.run(`flow-${flows}`);
    },
    async close() {
      await server.stop();
      services.close();
    },
  };
}

async function takeSteps(context: Context, flow: string): Promise<string> {
  for (const name of steps) await context.run(name, async () => flow);
  return flow;
}

/** The SDK uses it without documenting so; Node 20 lacks it. */
function addWithResolvers(): void {
  if ("withResolvers" in Promise) return;
  Object.defineProperty(Promise, "withResolvers", {
    value: () => {
      let settle = {};
      const promise = new Promise((resolve, reject) => {
        settle = { resolve, reject };
      });
      return { promise, ...settle };
    },
  });
}

function tellErrors({ level }: { readonly level: string }, ...message: unknown[]): void {
  if (level === "error") console.error("Restate:", ...message);
}

type Ports = { readonly admin: number; readonly ingress: number; readonly fabric: number };

async function startRestate(directory: string, ports: Ports): Promise<Server | null> {
  const platform = `${process.platform}-${process.arch}`;
  const command = pathInPeers(`@restatedev/restate-server-${platform}/bin/restate-server`);
  if (command === null) return null;
  return startServer({
    command,
    args: [
      ...["--base-dir", directory, "--node-name", "bench", "--no-logo"],
      ...["--listen-mode", "tcp", "--bind-ip", host, "--bind-port", String(ports.fabric)],
    ],
    options: {
      cwd: directory,
      env: {
        ...process.env,
        RESTATE_ADMIN__BIND_PORT: String(ports.admin),
        RESTATE_INGRESS__BIND_PORT: String(ports.ingress),
        RESTATE_DISABLE_TELEMETRY: "true",
      },
    },
    stopSignal: "SIGTERM",
    isUp: () => answers(`http://${host}:${ports.ingress}/restate/health`),
  });
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false; // it is not listening yet
  }
}

async function register(admin: number, uri: string): Promise<void> {
  const response = await fetch(`http://${host}:${admin}/deployments`, {
    ...{ method: "POST", body: JSON.stringify({ uri }) },
    headers: { "content-type": "application/json" },
  });
  if (!response.ok) throw new Error(`Restate takes no deployment: ${await response.text()}`);
}
