import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { buildSchema, execute, getOperationAST, graphql, parse, validate } from "graphql";
import { type WebSocket, WebSocketServer } from "ws";
import { required, type Start } from "./deployed.ts";
import { members, recognitionOf } from "./json.ts";
import { postJson } from "./json-http.ts";
import { connectRabbit, consume } from "./rabbit.ts";

const schema = buildSchema(`
  scalar DateTime
  type Query { ping: String! }
  type Mutation {
    startUpload(filename: String!, contentType: String!): StartUploadPayload!
    confirmUpload(uploadId: String!, bytes: Int!, checksum: String!): ConfirmUploadPayload!
  }
  type Subscription {
    onAnalysisStarted: AnalysisStarted!
    onAnalysisCompleted: AnalysisCompleted!
  }
  type StartUploadPayload { correlationId: String!, imageUploadPayload: ImageUploadPayload! }
  type ImageUploadPayload { uploadId: String!, key: String!, putUrl: String!, expiresAt: DateTime! }
  type ConfirmUploadPayload { status: String! }
  type AnalysisStarted { objectKey: String! }
  type AnalysisCompleted { success: Boolean!, recognitionPayload: RecognitionCompleted }
  type RecognitionCompleted { provider: AIProviderDto!, aggregate: MachineAggregateDto! }
  type AIProviderDto {
    name: String!, apiVersion: String, featureset: [String!]!, maxResults: Int
  }
  type MachineAggregateDto {
    brand: String, type: String, model: String, typeSource: String, name: String
    confidence: Float!, isConfident: Boolean!, typeConfidence: Float
  }
`);

/** Field of Subscription → what to do with the event. */
type Told = Map<string, Set<(event: object) => void>>;

/**
 * graph-gateway, without its authorization. What it takes from RabbitMQ is acknowledged before it is read, and everyone
 * who is subscribed at that moment is told everything. Its correlation id is sent nowhere.
 */
export const startGateway: Start = async ({ log, port }) => {
  const told: Told = new Map(
    ["onAnalysisStarted", "onAnalysisCompleted"].map((n) => [n, new Set()]),
  );
  const model = await connectRabbit();
  const listen = (
    field: string,
    exchange: string,
    queue: string,
    read: (body: unknown) => object,
  ) =>
    consume(model, { exchange, queue, autoAck: true }, async (text) => {
      const event = read(JSON.parse(text));
      for (const tell of told.get(field) ?? []) tell({ [field]: event });
      return true;
    });
  await listen("onAnalysisStarted", "analysis.started", "graph.subs.started", startedOf);
  await listen("onAnalysisCompleted", "analysis.completed", "graph.subs.completed", completedOf);
  const resolvers = createResolvers(log);
  const server = createServer((request, response) => {
    void bodyOf(request).then(async (text) => {
      const { query, variables } = members(JSON.parse(text));
      const result = await graphql({
        ...{ schema, source: String(query), rootValue: resolvers },
        variableValues: variables as Record<string, unknown>, // GraphQL checks each of them
      });
      response.writeHead(200, { "content-type": "application/graphql-response+json" });
      response.end(JSON.stringify(result));
    });
  });
  const sockets = new WebSocketServer({ server, path: "/graphql" });
  sockets.on("connection", (socket) => converse(socket, told));
  await once(server.listen(port, "127.0.0.1"), "listening");
  return {
    async close() {
      for (const socket of sockets.clients) socket.terminate();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await model.close();
    },
  };
};

const startedOf = (body: unknown) => ({ objectKey: members(body)["objectkey"] });
const completedOf = (body: unknown) => {
  const { recognitionpayload, success } = members(body);
  return {
    success,
    recognitionPayload: recognitionpayload == null ? null : recognitionOf(recognitionpayload),
  };
};

function createResolvers(log: (text: string) => void) {
  const ask = async (action: string, body: object) => {
    const headers = { "X-Internal-Auth": required("INTERNAL_AUTH_API_KEY") };
    try {
      return await postJson(
        `${required("INGESTION_BASE_URL")}/v1/uploads/${action}`,
        body,
        headers,
      );
    } catch (error) {
      log(String(error));
      throw new Error("Unexpected Execution Error"); // HotChocolate's, without the detail
    }
  };
  return {
    ping: "pong",
    async startUpload(input: object) {
      const { expiresat, key, puturl, uploadid } = await ask("start", input);
      const payload = { uploadId: uploadid, key, putUrl: puturl, expiresAt: expiresat };
      return { correlationId: randomUUID().replaceAll("-", ""), imageUploadPayload: payload };
    },
    confirmUpload: (input: object) => ask("confirm", input),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(Buffer.from(chunk as Uint8Array)); // no encoding is set
  return Buffer.concat(chunks).toString("utf8");
}

/** graphql-transport-ws, as far as the console speaks it. */
function converse(socket: WebSocket, told: Told): void {
  const send = (frame: object) => socket.send(JSON.stringify(frame));
  const ends = new Map<string, () => void>();
  socket.on("close", () => {
    for (const end of ends.values()) end();
  });
  socket.on("message", (data) => {
    const { id, payload, type } = members(JSON.parse(String(data)));
    const name = String(id);
    if (type === "connection_init") send({ type: "connection_ack" });
    else if (type === "ping") send({ type: "pong" });
    else if (type === "complete") ends.get(name)?.();
    else if (type === "subscribe")
      ends.set(name, subscribe(name, String(members(payload)["query"]), told, send));
  });
}

function subscribe(
  id: string,
  query: string,
  told: Told,
  send: (frame: object) => void,
): () => void {
  const document = parse(query);
  const [problem] = validate(schema, document);
  const [selection] = getOperationAST(document)?.selectionSet.selections ?? [];
  if (problem !== undefined || selection?.kind !== "Field") {
    send({ id, type: "error", payload: [{ message: problem?.message ?? "no field" }] });
    return () => undefined;
  }
  const listeners = told.get(selection.name.value);
  const tell = (event: object) => {
    void Promise.resolve(execute({ schema, document, rootValue: event })).then((result) =>
      send({ id, type: "next", payload: result }),
    );
  };
  listeners?.add(tell);
  return () => void listeners?.delete(tell);
}
