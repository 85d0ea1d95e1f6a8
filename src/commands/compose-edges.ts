// The HTTP addresses of services. Names adapters, like compose.ts.

import type { Feed } from "../adapters/graphql/feed.ts";
import type { ListenerOptions } from "../adapters/http/listener.ts";
import { serviceNames } from "../pipeline/contracts/contract.ts";
import { TuError } from "../pipeline/errors.ts";
import { type Allowed, createDoor } from "../pipeline/http/door.ts";
import { reported } from "../pipeline/http/reported.ts";
import type { Clock } from "../pipeline/ports/clock.ts";
import type { Endpoint } from "../pipeline/ports/endpoint.ts";
import type { Gateway } from "../pipeline/ports/gateway.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import type { Scope } from "./scope.ts";

/** Who is admitted over HTTP, and what a GraphQL client may query. */
export type Door = { readonly allowed: Allowed; readonly introspection: boolean };

/** Base addresses by service, known once it listens. */
export type Addresses = {
  /** Throws E_SERVICE_UNAVAILABLE for a service that does not run here, and has no address elsewhere. */
  of(service: string): string;
  set(service: string, url: string): void;
  readonly all: ReadonlyMap<string, string>;
};
export function createAddresses(elsewhere: Readonly<Record<string, string>>): Addresses {
  const all = new Map<string, string>();
  return {
    of(service) {
      const url = all.get(service) ?? elsewhere[service];
      if (url !== undefined) return url.replace(/\/+$/, "");
      throw new TuError("E_SERVICE_UNAVAILABLE", `the address of ${service} is not known`, {
        hint: `add it to --only, or set services.${service} in the context`,
      });
    },
    set(service, url) {
      all.set(service, url);
    },
    all,
  };
}

type EdgeOptions = {
  /** The first of a block of ports, one for each service; null: any free ones. */
  readonly firstPort: number | null;
  readonly door: Door;
  /** What does not work for a service; it is ready if there is nothing. */
  readonly problems: (service: string) => Promise<readonly string[]>;
  readonly addresses: Addresses;
  readonly clock: Clock;
  readonly reporter: Reporter;
};
export type Edges = {
  /** Every service gets a server; those without endpoints still respond to health checks. */
  serve(service: string, endpoints: readonly Endpoint[]): Promise<void>;
  serveGraphql(service: string, gateway: Gateway, feed: Feed): Promise<void>;
};

/** Loads the slowest modules without opening anything, while the caller waits for something else. */
export async function preloadEdges(): Promise<void> {
  const [http, graphql] = await Promise.all([
    import("../adapters/http/server.ts"),
    import("../adapters/graphql/server.ts"),
  ]);
  await Promise.all([http.loadHttpServer(), graphql.loadGraphqlServer()]);
}

export async function openFeed(): Promise<Feed> {
  const { createFeed } = await import("../adapters/graphql/feed.ts");
  return createFeed();
}

/** In the order of their ports. */
export const listenerNames: readonly string[] = [...serviceNames, "object-store", "observer"];
/** How far apart the blocks of two pipelines are. */
const blockSize = 20;
const portMax = 65_535;

/** Its own port of the first block, then of the next ones: two pipelines run side by side. */
function portsOf(service: string, firstPort: number | null): readonly number[] {
  const place = listenerNames.indexOf(service);
  if (firstPort === null || firstPort === 0 || place < 0) return [0];
  const ports = Array.from({ length: 50 }, (_, block) => firstPort + place + block * blockSize);
  return ports.filter((port) => port <= portMax);
}

/** Throws E_PORT_TAKEN. */
async function onFirstFree<T>(
  ports: readonly number[],
  openOn: (port: number) => Promise<T>,
): Promise<T> {
  for (const port of ports) {
    try {
      return await openOn(port);
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
    }
  }
  throw new TuError("E_PORT_TAKEN", `every port is taken, from ${ports[0]} to ${ports.at(-1)}`, {
    hint: "choose others with --port",
  });
}

/** On loopback. */
export function createEdges(options: EdgeOptions, scope: Scope): Edges {
  const { addresses } = options;
  const door = createDoor(options.door.allowed);
  const guard = (service: string, port: number): ListenerOptions => ({
    door,
    port,
    problems: () => options.problems(service),
  });
  const free = <T>(service: string, openOn: (port: number) => Promise<T>) =>
    onFirstFree(portsOf(service, options.firstPort), openOn);
  const open = async (service: string, endpoints: readonly Endpoint[]) => {
    if (endpoints.length === 0) {
      const { listen, notFound } = await import("../adapters/http/listener.ts");
      return free(service, (port) => listen(guard(service, port), { request: notFound }));
    }
    const { startHttpServer } = await import("../adapters/http/server.ts");
    const told = endpoints.map((endpoint) => reported(endpoint, service, options));
    return free(service, (port) => startHttpServer({ ...guard(service, port), endpoints: told }));
  };
  return {
    async serve(service, endpoints) {
      addresses.set(service, scope.use(await open(service, endpoints)).url);
    },
    async serveGraphql(service, gateway, feed) {
      const { startGraphqlServer } = await import("../adapters/graphql/server.ts");
      const { listen } = await import("../adapters/http/listener.ts");
      const server = await startGraphqlServer({
        ...{ gateway, feed, introspection: options.door.introspection },
        listen: (handlers) => free(service, (port) => listen(guard(service, port), handlers)),
      });
      addresses.set(service, scope.use(server).url);
    },
  };
}
