import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Endpoint, EndpointReply } from "../../pipeline/ports/endpoint.ts";
import { createGuardedServer, type ListenerOptions } from "./listener.ts";
import { problem } from "./problem.ts";

export type HttpServer = {
  /** Base address without a trailing slash. */
  readonly url: string;
  close(): Promise<void>;
};

/** Largest request body: the largest image and a little more, so that the service can reject it itself. */
const bodyBytesMax = 10 * 1024 * 1024 + 64 * 1024;

/** Loads the modules of `startHttpServer`, which takes longer than starting it. */
export const loadHttpServer = () => import("fastify");

/** Serves a service's endpoints on a loopback port. */
export async function startHttpServer(
  options: ListenerOptions & {
    readonly endpoints: readonly Endpoint[];
  },
): Promise<HttpServer> {
  const {
    default: { fastify },
  } = await loadHttpServer();
  const server = fastify({
    bodyLimit: bodyBytesMax,
    forceCloseConnections: true,
    // Paths are for the services to judge; a signed URL must arrive as it was sent.
    routerOptions: { maxParamLength: 500 },
    serverFactory: (request) => createGuardedServer(options, { request }),
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => {
    done(null, body);
  });
  for (const endpoint of options.endpoints) mount(server, endpoint);
  for (const path of new Set(options.endpoints.map((endpoint) => endpoint.path)))
    refuseOthers(server, path, options.endpoints);
  server.setNotFoundHandler((_request, reply) => send(reply, problem(404, "Not Found")));
  server.setErrorHandler((error: FastifyError, _request, reply) =>
    send(reply, problem(error.statusCode ?? 500, error.message)),
  );
  const url = await server.listen({ host: "127.0.0.1", port: options.port ?? 0 });
  return { url, close: () => server.close() };
}

function mount(server: FastifyInstance, endpoint: Endpoint): void {
  server.route({
    method: endpoint.method,
    url: endpoint.path,
    handler: async (request, reply) => {
      if (isUnsupported(request)) return send(reply, problem(415, "Unsupported Media Type"));
      const answer = await endpoint.handle({
        method: request.method,
        target: request.raw.url ?? "",
        headers: flatHeaders(request),
        body: request.body instanceof Uint8Array ? request.body : new Uint8Array(),
      });
      return send(reply, answer);
    },
  });
}

/** A known path with the wrong method: 405 with the allowed methods (RFC 9110, 15.5.6). */
function refuseOthers(server: FastifyInstance, path: string, endpoints: readonly Endpoint[]): void {
  const served = endpoints.filter((endpoint) => endpoint.path === path);
  const allow = served.flatMap(({ method }) => (method === "GET" ? ["GET", "HEAD"] : [method]));
  server.route({
    method: methods.filter((method) => !allow.includes(method)),
    url: path,
    handler: (_request, reply) =>
      send(reply.header("allow", allow.join(", ")), problem(405, "Method Not Allowed")),
  });
}
const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/** Requests to a service are posted as JSON; forms and text, which any page may send, are not. */
function isUnsupported(request: FastifyRequest): boolean {
  const [type = ""] = (request.headers["content-type"] ?? "").split(";");
  return request.method === "POST" && !/^application\/(.+\+)?json$/.test(type.trim().toLowerCase());
}

function send(reply: FastifyReply, { body, headers, status }: EndpointReply): FastifyReply {
  reply.status(status).headers({ ...headers });
  if (typeof body === "string") return reply.send(body);
  if (body instanceof Uint8Array)
    return reply.send(Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  if (!reply.hasHeader("content-type")) reply.type("application/json; charset=utf-8");
  return reply.send(JSON.stringify(body));
}

function flatHeaders(request: FastifyRequest): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]],
    ),
  );
}
