import { once } from "node:events";
import { type AddressInfo, connect, createServer as createTcpServer, type Server } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { TuError } from "../../pipeline/errors.ts";
import { createDoor, loopbackOnly } from "../../pipeline/http/door.ts";
import { createFetchHttpClient } from "./client.ts";
import { type HttpServer, startHttpServer } from "./server.ts";

const http = createFetchHttpClient();
const problems: string[] = [];
let server: HttpServer | undefined;
const slowServers: Server[] = [];

afterEach(async () => {
  await server?.close();
  server = undefined;
  for (const slow of slowServers.splice(0)) slow.close();
  problems.length = 0;
});

type Endpoints = Parameters<typeof startHttpServer>[0]["endpoints"];
async function serve(...endpoints: Endpoints): Promise<string> {
  server = await startHttpServer({
    endpoints,
    door: createDoor(loopbackOnly),
    problems: async () => problems,
  });
  return server.url;
}

test("bytes, headers and target arrive as they were sent, and the answer as it was given", async () => {
  const url = await serve({
    method: "PUT",
    path: "/*",
    hop: "PUT object",
    handle: async ({ body, headers, target }) => ({
      status: 201,
      headers: {
        "content-type": "image/png",
        "x-target": target,
        "x-given": headers["x-given"] ?? "",
      },
      body,
    }),
  });
  const body = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  const answer = await http.send({
    method: "PUT",
    url: `${url}/bucket/a.png?X-Tu-Signature=%2F&b=`,
    headers: {
      "x-given": "1",
      "content-type": "image/png",
      "x-correlation-id": "f1",
      "x-producer": "client",
    },
    body,
  });
  expect(answer.status).toBe(201);
  expect(answer.body).toEqual(body);
  expect(answer.headers).toMatchObject({
    "x-target": "/bucket/a.png?X-Tu-Signature=%2F&b=",
    "x-given": "1",
  });
});

test("it is reachable only through 127.0.0.1", async () => {
  const { port } = new URL(await serve());
  // On Linux all of 127.0.0.0/8 is local, and a server bound to every interface would respond.
  const socket = connect({ host: "127.0.0.2", port: Number(port) });
  const outcome = await new Promise((resolve) => {
    socket.once("connect", () => resolve("connected")).once("error", () => resolve("refused"));
  });
  socket.destroy();
  expect(outcome).toBe("refused");
});

test("an unknown path is 404", async () => {
  const url = await serve({
    method: "GET",
    path: "/health",
    hop: null,
    handle: async () => ({ status: 200, body: "Healthy" }),
  });
  const headers = { "x-correlation-id": "f1" };
  expect((await http.send({ method: "GET", url: `${url}/health`, headers })).status).toBe(200);
  expect((await http.send({ method: "GET", url: `${url}/nothing`, headers })).status).toBe(404);
});

test("an endpoint that throws answers 500", async () => {
  const handle = () => Promise.reject(new Error("oops"));
  const url = await serve({ method: "GET", path: "/bug", hop: null, handle });
  expect((await http.send({ method: "GET", url: `${url}/bug` })).status).toBe(500);
});

test("a body over the limit is refused and not held", async () => {
  const url = await serve({
    method: "PUT",
    path: "/*",
    hop: null,
    handle: async () => ({ status: 200, body: "" }),
  });
  const body = new Uint8Array(11 * 1024 * 1024);
  const answer = await http
    .send({ method: "PUT", url: `${url}/x`, body })
    .catch((error: unknown) => (error instanceof TuError ? error.code : error));
  // The server may close the connection before everything is sent.
  expect(["E_SERVICE_UNAVAILABLE", 413]).toContain(
    typeof answer === "string" ? answer : (answer as { status: number }).status,
  );
});

test("no answer is E_SERVICE_UNAVAILABLE, and the query of a URL stays out of the message", async () => {
  const url = await serve();
  await server?.close();
  const error = await http
    .send({ method: "GET", url: `${url}/a?X-Tu-Signature=secret` })
    .catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "E_SERVICE_UNAVAILABLE" });
  expect(String(error)).not.toContain("secret");
});

/** Answers like this, in pieces, with so long between two of them; never if that is infinite. */
async function answerSlowly(pauseMs: number): Promise<string> {
  const slow = createTcpServer((socket) => {
    const pieces = ["HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n", "a", "b", "c", "d"];
    socket.on("error", () => undefined); // the client has gone
    socket.once("data", async () => {
      for (const piece of pieces) {
        socket.write(piece);
        if (pauseMs === Number.POSITIVE_INFINITY) return;
        await wait(pauseMs);
      }
    });
  });
  slowServers.push(slow.listen(0, "127.0.0.1"));
  await once(slow, "listening");
  return `http://127.0.0.1:${(slow.address() as AddressInfo).port}/`; // it listens on a port
}

test("a server that falls silent gives no answer, and one that is only slow does", async () => {
  const silent = await answerSlowly(Number.POSITIVE_INFINITY);
  const startedAtMs = performance.now();
  await expect(http.send({ method: "GET", url: silent, silenceMs: 100 })).rejects.toMatchObject({
    code: "E_SERVICE_UNAVAILABLE",
  });
  expect(performance.now() - startedAtMs).toBeLessThan(5000);
  const slow = await answerSlowly(300);
  const answer = await http.send({ method: "GET", url: slow, silenceMs: 1000 });
  expect(new TextDecoder().decode(answer.body)).toBe("abcd");
});

test("a request ends when its signal does", async () => {
  const url = await answerSlowly(Number.POSITIVE_INFINITY);
  const signal = AbortSignal.timeout(50);
  const startedAtMs = performance.now();
  for (const _ of ["while it waits", "before it begins"])
    await expect(http.send({ method: "GET", url, signal })).rejects.toMatchObject({
      code: "E_SERVICE_UNAVAILABLE",
    });
  expect(performance.now() - startedAtMs).toBeLessThan(5000);
});

test("only JSON is accepted: a form or text, which any page may send, is 415", async () => {
  const url = await serve({
    method: "POST",
    path: "/v1/things",
    hop: null,
    handle: async () => ({ status: 200, body: {} }),
  });
  const post = async (type: string | null) => {
    const headers = type === null ? {} : { "content-type": type };
    const { status } = await fetch(`${url}/v1/things`, {
      method: "POST",
      headers,
      body: new Uint8Array([123, 125]),
    });
    return status;
  };
  for (const type of ["application/json", "Application/JSON; charset=utf-8", "application/x+json"])
    expect([type, await post(type)]).toEqual([type, 200]);
  const others = [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
  ];
  for (const type of [...others, "application/jsonp", null])
    expect([type, await post(type)]).toEqual([type, 415]);
});

test("another method than a path has is 405, with those that it has", async () => {
  const handle = async () => ({ status: 200, body: {} });
  const url = await serve(
    { method: "GET", path: "/v1/things", hop: null, handle },
    { method: "POST", path: "/v1/things", hop: null, handle },
    { method: "PUT", path: "/objects/*", hop: null, handle },
  );
  const ask = async (method: string, path: string) => {
    const { headers, status } = await fetch(`${url}${path}`, { method });
    return [status, headers.get("allow")];
  };
  expect(await ask("DELETE", "/v1/things")).toEqual([405, "GET, HEAD, POST"]);
  expect(await ask("GET", "/objects/a.png")).toEqual([405, "PUT"]);
  expect(await ask("GET", "/v1/things")).toEqual([200, null]);
});
