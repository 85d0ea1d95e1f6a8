import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { TuError } from "../../pipeline/errors.ts";
import { createDoor, loopbackOnly } from "../../pipeline/http/door.ts";
import type { Message } from "../../pipeline/message.ts";
import { listen } from "../http/listener.ts";
import { createGraphqlGatewayClient } from "./client.ts";
import { createFeed, type Feed } from "./feed.ts";
import { type GraphqlServer, startGraphqlServer } from "./server.ts";

let feed: Feed;
let server: GraphqlServer;
const confirmed: unknown[] = [];

beforeEach(async () => {
  confirmed.length = 0;
  feed = createFeed();
  server = await startGraphqlServer({
    feed,
    introspection: false,
    listen: (handlers) =>
      listen({ door: createDoor(loopbackOnly), problems: async () => [] }, handlers),
    gateway: {
      async startUpload({ filename }) {
        if (filename === "refused") throw new TuError("E_UPLOAD_REFUSED", "filename: no");
        if (filename === "broken") throw new Error("a secret of the server");
        return {
          correlationId: "f1",
          imageUploadPayload: {
            uploadId: "u1",
            key: "k",
            putUrl: "http://put",
            expiresAt: "2026-01-01T00:00:00Z",
          },
        };
      },
      async confirmUpload(input) {
        confirmed.push(input);
        return { status: "Accepted" };
      },
    },
  });
});
afterEach(async () => {
  feed.close();
  await server.close();
});

const event = (name: string, flowId: string, payload: unknown, id = "m1"): Message => ({
  id,
  name,
  kind: "event",
  flowId,
  causationId: null,
  subject: "images/a.png",
  occurredAt: "2026-01-01T00:00:00.000Z",
  producer: "test",
  schema: `${name}.v1`,
  headers: {},
  payload,
});
const ask = async (query: string, variables = {}, operationName?: string) => {
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables, operationName }),
  });
  return (await response.json()) as { data?: unknown; errors?: { message: string }[] };
};

describe("over HTTP", () => {
  test("it is reachable only through 127.0.0.1", async () => {
    // On Linux all of 127.0.0.0/8 is local, and a server bound to every interface would respond.
    const socket = connect({ host: "127.0.0.2", port: Number(new URL(server.url).port) });
    const outcome = await new Promise((resolve) => {
      socket.once("connect", () => resolve("connected")).once("error", () => resolve("refused"));
    });
    socket.destroy();
    expect(outcome).toBe("refused");
  });
  test("answers ping, and its probes", async () => {
    expect(await ask("{ ping }")).toEqual({ data: { ping: "pong" } });
    for (const probe of ["live", "ready"]) {
      expect((await fetch(`${server.url}/health/${probe}`)).status).toBe(200);
    }
  });
  test("confirms as the real console does, without a correlation id", async () => {
    const mutation =
      'mutation { confirmUpload(uploadId: "u1", bytes: 7, checksum: "sha256:x") { status } }';
    expect(await ask(mutation)).toEqual({ data: { confirmUpload: { status: "Accepted" } } });
    expect(confirmed).toEqual([
      { uploadId: "u1", bytes: 7, checksum: "sha256:x", correlationId: null },
    ]);
  });
  test("an expected refusal keeps its words, a bug does not show itself", async () => {
    const start = (filename: string) =>
      ask(
        'mutation ($f: String!) { startUpload(filename: $f, contentType: "image/png") { correlationId } }',
        { f: filename },
      );
    expect((await start("refused")).errors?.[0]?.message).toBe("filename: no");
    expect((await start("broken")).errors?.[0]?.message).not.toContain("secret");
  });
});

describe("the client", () => {
  test("starts, confirms, and gets refusals as errors with their code", async () => {
    const client = await createGraphqlGatewayClient(server.url);
    expect(await client.startUpload({ filename: "a.png", contentType: "image/png" })).toEqual({
      correlationId: "f1",
      uploadId: "u1",
      key: "k",
      putUrl: "http://put",
      expiresAt: "2026-01-01T00:00:00Z",
    });
    await client.confirmUpload({ uploadId: "u1", bytes: 7, checksum: "c", correlationId: "f1" });
    expect(confirmed).toMatchObject([{ correlationId: "f1" }]);
    await expect(
      client.startUpload({ filename: "refused", contentType: "x" }),
    ).rejects.toMatchObject({
      code: "E_UPLOAD_REFUSED",
    });
    await client.close();
  });

  test("misses nothing from the moment it is subscribed, and hears of its own flow only", async () => {
    const client = await createGraphqlGatewayClient(server.url);
    const heard: string[] = [];
    const end = new Promise<void>((resolve) => {
      void client
        .subscribe("f1", {
          onEvent: ({ name }) => {
            heard.push(name);
            if (name === "analysis.completed") resolve();
          },
          onLost: () => undefined,
        })
        .then(() => {
          feed.publish(event("analysis.started", "f2", {}));
          feed.publish(event("analysis.started", "f1", {}));
          feed.publish(event("recognition.completed", "f1", {}));
          feed.publish(event("analysis.completed", "f1", {}));
        });
    });
    await end;
    expect(heard).toEqual(["analysis.started", "recognition.completed", "analysis.completed"]);
    await client.close();
  });

  test("is told when the gateway goes away", async () => {
    const client = await createGraphqlGatewayClient(server.url);
    const lost = new Promise<string>((resolve) => {
      void client
        .subscribe("f1", { onEvent: () => undefined, onLost: resolve })
        .then(() => server.close());
    });
    expect(await lost).toEqual(expect.any(String));
    await client.close();
  });

  test("no response is E_SERVICE_UNAVAILABLE", async () => {
    const client = await createGraphqlGatewayClient("http://127.0.0.1:9");
    await expect(
      client.startUpload({ filename: "a.png", contentType: "image/png" }),
    ).rejects.toMatchObject({ code: "E_SERVICE_UNAVAILABLE" });
    await client.close();
  });
});

/** A connection over which a client exchanges individual frames. */
async function talk() {
  const socket = new WebSocket(
    `${server.url.replace("http", "ws")}/graphql`,
    "graphql-transport-ws",
  );
  const frames: { type: string; payload?: unknown }[] = [];
  const waiting: (() => void)[] = [];
  socket.on("message", (data) => {
    frames.push(JSON.parse(String(data)) as { type: string });
    for (const wake of waiting.splice(0)) wake();
  });
  const until = async (type: string) => {
    while (!frames.some((frame) => frame.type === type)) {
      await new Promise<void>((resolve) => void waiting.push(resolve));
    }
    return frames.find((frame) => frame.type === type);
  };
  await new Promise((resolve) => socket.once("open", resolve));
  const say = (frame: object) => socket.send(JSON.stringify(frame));
  say({ type: "connection_init", payload: {} });
  await until("connection_ack");
  return { say, socket, until };
}

test("the console's own frames work: init, ack, subscribe without arguments, next, ping, pong", async () => {
  const { say, socket, until } = await talk();
  const query =
    "subscription { onAnalysisCompleted { success recognitionPayload { aggregate { brand type } } } }";
  say({ id: "1", type: "subscribe", payload: { query } });
  say({ type: "ping" });
  await until("pong"); // the previous subscription is active
  const aggregate = { brand: "Volvo", type: "Excavator", confidence: 1, isConfident: true };
  const provider = { name: "x", featureset: [] };
  feed.publish(
    event("analysis.completed", "f9", {
      success: true,
      recognitionPayload: { provider, aggregate },
    }),
  );
  expect(await until("next")).toMatchObject({
    payload: {
      data: {
        onAnalysisCompleted: {
          success: true,
          recognitionPayload: { aggregate: { brand: "Volvo", type: "Excavator" } },
        },
      },
    },
  });
  socket.close();
});

describe("a document that asks for too much", () => {
  const many = (count: number, one: (n: number) => string) =>
    Array.from({ length: count }, (_, n) => one(n)).join(" ");
  const spread = (levels: number) =>
    `{ ...f0 } ${many(levels, (n) => `fragment f${n} on Query { ${n + 1 < levels ? `...f${n + 1} `.repeat(2) : "ping"} }`)}`;
  const documents = [
    {
      what: "300 aliased mutations",
      query: `mutation { ${many(300, (n) => `a${n}: startUpload(filename: "a.png", contentType: "image/png") { correlationId }`)} }`,
      error: "more that 1000 tokens",
    },
    { what: "16 aliases", query: `{ ${many(16, (n) => `a${n}: ping`)} }`, error: "15 aliases" },
    {
      what: "11 operations",
      query: many(11, (n) => `query q${n} { ping }`),
      operationName: "q0",
      error: "10 operations",
    },
    { what: "fragments in fragments", query: spread(12), error: "500 fields" },
    {
      what: "the schema",
      query: "{ __schema { types { name } } }",
      error: "introspection is disabled",
    },
    {
      what: "a type",
      query: '{ __type(name: "Query") { name } }',
      error: "introspection is disabled",
    },
  ];
  test.each(documents)("$what: refused over HTTP", async ({ error, operationName, query }) => {
    const { data, errors } = await ask(query, {}, operationName);
    expect(data).toBeUndefined();
    expect(errors?.map(({ message }) => message).join()).toContain(error);
  });
  test.each(documents)("$what: refused over WebSocket", async ({ error, query }) => {
    const { say, until } = await talk();
    say({ id: "1", type: "subscribe", payload: { query } });
    expect(JSON.stringify(await until("error"))).toContain(error);
  });
  test("a fragment that spreads itself is refused, and ends", async () => {
    const { errors } = await ask("{ ...f } fragment f on Query { ping ...f }");
    expect(errors?.[0]?.message).toContain("Cannot spread fragment");
  });
  test("what known clients ask for is far from it", async () => {
    expect(await ask(`{ ${many(15, (n) => `a${n}: ping`)} }`)).toHaveProperty("data.a14", "pong");
  });
});

test.each([
  ["/", "127.0.0.1", "404 Not Found"],
  ["/graphql/x?query", "127.0.0.1", "404 Not Found"],
  ["/", "elsewhere.example", "403 Forbidden"],
  ["/graphql", "elsewhere.example", "403 Forbidden"],
])("an upgrade of %s at %s is refused over HTTP", async (path, host, status) => {
  const socket = connect({ host: "127.0.0.1", port: Number(new URL(server.url).port) });
  const key = "sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
  const upgrade = "connection: upgrade\r\nupgrade: websocket\r\n";
  socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\n${upgrade}${key}\r\n`);
  let heard = "";
  for await (const part of socket.setEncoding("utf8")) heard += part;
  expect(heard).toBe(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
});

test("on one connection so many subscriptions are open at a time", async () => {
  const { say, until } = await talk();
  const query = "subscription { onAnalysisEvent { name } }";
  for (let id = 1; id <= 101; id += 1)
    say({ id: String(id), type: "subscribe", payload: { query } });
  expect(await until("error")).toMatchObject({
    id: "101",
    payload: [{ message: "more than 100 subscriptions at a time" }],
  });
});

test.each([
  { what: "a form", headers: { "content-type": "application/x-www-form-urlencoded" }, status: 415 },
  { what: "a text", headers: { "content-type": "text/plain" }, status: 415 },
  {
    what: "a multipart form",
    headers: { "content-type": "multipart/form-data; boundary=x" },
    status: 415,
  },
])("$what is no request", async ({ headers, status }) => {
  const body = JSON.stringify({ query: "mutation { ping }" });
  const answer = await fetch(`${server.url}/graphql`, { method: "POST", headers, body });
  expect(answer.status).toBe(status);
});

test.each([
  "APPLICATION/JSON",
  "application/json ; charset=utf-8",
  "application/json;charset=UTF-8",
])("%s is JSON", async (type) => {
  const body = JSON.stringify({ query: "{ ping }" });
  const headers = { "content-type": type };
  const answer = await fetch(`${server.url}/graphql`, { method: "POST", headers, body });
  expect(await answer.json()).toHaveProperty("data");
});

test("a request has a length, and one that is not too long; and it is posted", async () => {
  const headers = { "content-type": "application/json" };
  const long = JSON.stringify({ query: `{ ping } ${" ".repeat(70_000)}` });
  const post = (body: BodyInit, more = {}) =>
    fetch(`${server.url}/graphql`, { method: "POST", headers, body, ...more });
  expect((await post(long)).status).toBe(413);
  const unmeasured = new Blob(["{}"]).stream();
  expect((await post(unmeasured, { duplex: "half" })).status).toBe(411);
  const got = await fetch(`${server.url}/graphql?query={ping}`);
  expect([got.status, got.headers.get("allow")]).toEqual([405, "POST"]);
  expect((await fetch(`${server.url}/other`, { method: "POST" })).status).toBe(404);
});
