import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { members } from "./json.ts";

// ASP.NET's share of the HTTP services: JSON in and out, paths in any case.

export type Answer = {
  readonly status: number;
  /** A text is sent as it is. */
  readonly body: string | object;
  readonly headers?: Readonly<Record<string, string>>;
};
type Body = Readonly<Record<string, unknown>>;
export type Handle = (body: Body, request: IncomingMessage) => Promise<Answer> | Answer;

/** Routes by `METHOD /path`. What they throw is a 500 without a contract body. */
export async function serveJson(
  port: number,
  routes: Readonly<Record<string, Handle>>,
): Promise<Server> {
  const server = createServer((request, response) => {
    void answerTo(request, routes).then(({ body, headers, status }) => {
      const isText = typeof body === "string";
      const type = isText ? "text/plain" : "application/json";
      response.writeHead(status, { "content-type": `${type}; charset=utf-8`, ...headers });
      response.end(isText ? body : JSON.stringify(body));
    });
  });
  await once(server.listen(port, "127.0.0.1"), "listening");
  return server;
}

export async function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

async function answerTo(
  request: IncomingMessage,
  routes: Readonly<Record<string, Handle>>,
): Promise<Answer> {
  const path = (request.url ?? "").replace(/[?].*|[/]$/g, "").toLowerCase();
  const handle = routes[`${request.method} ${path}`];
  if (handle === undefined) return { status: 404, body: "" };
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array)); // no encoding is set
  try {
    const text = Buffer.concat(chunks).toString("utf8");
    return await handle(text === "" ? {} : members(JSON.parse(text)), request);
  } catch (error) {
    if (error instanceof SyntaxError) return { status: 400, body: { title: "One or more errors" } };
    return { status: 500, body: String(error) };
  }
}

/** Throws where the answer is not 2xx, as `EnsureSuccessStatusCode` does. */
export async function postJson(
  url: string,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Promise<Body> {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json; charset=utf-8", ...headers },
    body: JSON.stringify(body),
  });
  if (!response.ok)
    throw new Error(`Response status code does not indicate success: ${response.status}.`);
  return members(await response.json());
}
