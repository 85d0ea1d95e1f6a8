import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { Feed } from "./feed.ts";
import { createResolvers, type GatewayHandlers } from "./resolvers.ts";
import { typeDefs } from "./schema.ts";

export type GraphqlServer = {
  /** Base address without a trailing slash; the endpoint is `/graphql`. */
  readonly url: string;
  close(): Promise<void>;
};

/** Loads what `startGraphqlServer` needs: that takes longer than to start it. */
export const loadGraphqlServer = () =>
  Promise.all([import("graphql-yoga"), import("graphql-ws/use/ws"), import("ws")]);

/**
 * `/graphql` over HTTP and WebSocket (sub-protocol `graphql-transport-ws`), `/health/live` and
 * `/health/ready`, on a free loopback port. The feed is the caller's to close.
 */
export async function startGraphqlServer(options: {
  readonly gateway: GatewayHandlers;
  readonly feed: Feed;
}): Promise<GraphqlServer> {
  const [{ createGraphQLError, createSchema, createYoga }, { useServer }, { WebSocketServer }] =
    await loadGraphqlServer();
  const schema = createSchema({
    typeDefs,
    resolvers: createResolvers(options.gateway, options.feed, createGraphQLError),
  });
  const yoga = createYoga({
    schema,
    graphqlEndpoint: "/graphql",
    landingPage: false,
    logging: false,
    healthCheckEndpoint: "/health/live",
  });
  const server = createServer((request, response) => {
    if (request.url === "/health/ready") {
      response.writeHead(200, { "content-type": "text/plain" }).end("Healthy");
      return;
    }
    void yoga(request, response);
  });
  const sockets = new Set<Duplex>();
  server.on("connection", (socket: Duplex) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  const webSockets = new WebSocketServer({ server, path: "/graphql" });
  const subscriptions = useServer({ schema }, webSockets);
  await listen(server);
  return {
    url: `http://127.0.0.1:${portOf(server)}`,
    async close() {
      await subscriptions.dispose();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0 }, () => resolve());
  });
}

function portOf(server: Server): number {
  // A TCP server that listens has this kind of address.
  return (server.address() as AddressInfo).port;
}
