import { connect } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { TuError } from "../../pipeline/errors.ts";
import type { Message } from "../../pipeline/message.ts";
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
const ask = async (query: string, variables = {}) => {
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as { data?: unknown; errors?: { message: string }[] };
};

describe("over HTTP", () => {
  test("nobody reaches it but through 127.0.0.1", async () => {
    // On Linux all of 127.0.0.0/8 is here, and a server of every interface would answer.
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

  test("nobody there is E_SERVICE_UNAVAILABLE", async () => {
    const client = await createGraphqlGatewayClient("http://127.0.0.1:9");
    await expect(
      client.startUpload({ filename: "a.png", contentType: "image/png" }),
    ).rejects.toMatchObject({ code: "E_SERVICE_UNAVAILABLE" });
    await client.close();
  });
});

test("the console's own frames work: init, ack, subscribe without arguments, next, ping, pong", async () => {
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
  socket.send(JSON.stringify({ type: "connection_init", payload: {} }));
  await until("connection_ack");
  const query =
    "subscription { onAnalysisCompleted { success recognitionPayload { aggregate { brand type } } } }";
  socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query } }));
  socket.send(JSON.stringify({ type: "ping" }));
  await until("pong"); // the subscription before it is in force
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
