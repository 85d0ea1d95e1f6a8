import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Door } from "../../pipeline/ports/door.ts";
import { problem } from "./problem.ts";

// The front of every service: who is admitted, how slow clients may be, and the health checks.

export type ListenerOptions = {
  readonly door: Door;
  /** What does not work, in a few words each; the service is ready if it is empty. */
  readonly problems: () => Promise<readonly string[]>;
  /** Default: enough for a picture over a slow connection. */
  readonly patience?: Patience;
  /** On loopback; rejects with EADDRINUSE if it is taken. Default: a free one. */
  readonly port?: number;
};
/** How slow a client may be, in milliseconds. */
export type Patience = {
  readonly headersMs: number;
  /** For an entire request. */
  readonly requestMs: number;
  /** Between two requests. */
  readonly idleMs: number;
  /** How often the limits are checked. */
  readonly checkEveryMs: number;
};
export type Handlers = {
  readonly request: (request: IncomingMessage, response: ServerResponse) => void;
  /** Without it no connection is upgraded. */
  readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
};
export type Listener = {
  /** Base address without a trailing slash. */
  readonly url: string;
  /** Closes every connection. */
  close(): Promise<void>;
};

/** Lets the largest picture arrive at 0.4 MB/s. */
const patienceDefault: Patience = {
  headersMs: 10_000,
  requestMs: 30_000,
  idleMs: 10_000,
  checkEveryMs: 1_000,
};
const headerBytesMax = 16 * 1024;
const headersMax = 100;
/** Connections beyond this close the one that has been idle longest. */
const connectionsMax = 256;

/** A server that admits what the access rules admit, not yet listening. */
export const createGuardedServer = (options: ListenerOptions, handlers: Handlers): Server =>
  guarded(options, handlers).server;

function guarded(options: ListenerOptions, handlers: Handlers) {
  const { checkEveryMs, headersMs, idleMs, requestMs } = options.patience ?? patienceDefault;
  const server = createServer(
    {
      headersTimeout: headersMs,
      requestTimeout: requestMs,
      keepAliveTimeout: idleMs,
      connectionsCheckingInterval: checkEveryMs,
      maxHeaderSize: headerBytesMax,
    },
    (request, response) => void answer(request, response, options, handlers),
  );
  server.maxHeadersCount = headersMax;
  server.on("upgrade", (request, socket: Duplex, head: Buffer) => {
    const refusal = options.door.refusalOf(originOf(request));
    if (refusal === null && handlers.upgrade !== undefined)
      return handlers.upgrade(request, socket, head);
    const status = refusal === null ? "400 Bad Request" : "403 Forbidden";
    socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
  });
  return { server, connections: closeIdle(server) };
}

export async function listen(options: ListenerOptions, handlers: Handlers): Promise<Listener> {
  const { connections, server } = guarded(options, handlers);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: options.port ?? 0 }, resolve);
  });
  // A listening TCP server has this kind of address.
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  { door, problems }: ListenerOptions,
  handlers: Handlers,
): Promise<void> {
  const refusal = door.refusalOf(originOf(request));
  if (refusal !== null) return refuse(response, 403, refusal);
  const cors = door.corsHeaders(request.headers.origin);
  for (const [name, value] of Object.entries(cors)) response.setHeader(name, value);
  if (request.method === "OPTIONS" && "access-control-allow-origin" in cors)
    return void response.writeHead(204).end();
  const { method, url } = request;
  if (url !== "/health/live" && url !== "/health/ready") return handlers.request(request, response);
  if (method !== "GET" && method !== "HEAD")
    return refuse(response, 405, "Method Not Allowed", { allow: "GET, HEAD" });
  if (url === "/health/live") return healthy(response);
  ready(response, await problems().catch((error: unknown) => [String(error)]));
}

const originOf = ({ headers }: IncomingMessage) => ({
  host: headers.host,
  origin: headers.origin,
  site: oneOf(headers["sec-fetch-site"]),
});

const oneOf = (value: string | string[] | undefined) => (Array.isArray(value) ? value[0] : value);

const healthy = (response: ServerResponse) => plain(response, 200, "Healthy");

function plain(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" }).end(text);
}

function ready(response: ServerResponse, problems: readonly string[]): void {
  if (problems.length === 0) healthy(response);
  else plain(response, 503, `Unhealthy\n${problems.join("\n")}\n`);
}

/** For services without endpoints, which only respond to health checks. */
export const notFound: Handlers["request"] = (_request, response) =>
  refuse(response, 404, "Not Found");

function refuse(
  response: ServerResponse,
  status: number,
  title: string,
  more: Readonly<Record<string, string>> = {},
): void {
  const { body, headers } = problem(status, title);
  response
    .writeHead(status, { ...headers, ...more, connection: "close" })
    .end(JSON.stringify(body));
}

/**
 * Prevents clients that open connections and send nothing, or send slowly, from locking others out. Returns the open
 * connections.
 */
function closeIdle(server: Server): ReadonlySet<Socket> {
  const open = new Set<Socket>();
  /** Longest idle first. */
  const idle = new Set<Socket>();
  server.on("connection", (socket) => {
    open.add(socket);
    idle.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      idle.delete(socket);
    });
    if (open.size <= connectionsMax) return;
    const [longest] = idle;
    longest?.destroy(); // the new one, if all others are busy
  });
  server.on("request", ({ socket }, response) => {
    idle.delete(socket);
    response.once("close", () => {
      if (!socket.destroyed) idle.add(socket);
    });
  });
  server.on("upgrade", ({ socket }) => idle.delete(socket));
  return open;
}
