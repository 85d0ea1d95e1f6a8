import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type kafkajs from "kafkajs";
import { required, type Start } from "./deployed.ts";
import { dotnetTime, textOf } from "./json.ts";
import { type Answer, closeServer, type Handle, postJson, serveJson } from "./json-http.ts";
import { createTopics, kafkaOf } from "./kafka.ts";

const types = ["image/jpeg", "image/png", "image/webp"];
const topic = "tu.images.uploaded";

type Session = { readonly key: string; readonly contentType: string };
type Body = Readonly<Record<string, unknown>>;

/** tu-ingestion-service: believes every claim, and announces an upload as often as it is confirmed. */
export const startIngestion: Start = async ({ port }) => {
  const storage = required("STORAGE_BASE_URL");
  const token = required("INTERNAL_AUTH_API_KEY");
  const sessions = new Map<string, Session>();
  const kafka = kafkaOf(required("REDPANDA_BOOTSTRAP_SERVERS"), "ingestion");
  await createTopics(kafka, topic);
  const producer = kafka.producer({ idempotent: true });
  await producer.connect();
  const server = await serveJson(port, {
    "POST /v1/uploads/start": correlated((body) => start(body, { sessions, storage, token })),
    "POST /v1/uploads/confirm": correlated((body, flowId) =>
      confirm(body, flowId, { sessions, producer }),
    ),
    "GET /health": () => ({ status: 200, body: "Healthy" }),
  });
  return { close: () => Promise.all([closeServer(server), producer.disconnect()]) };
};

/** The header of this request alone: start and confirm are not tied together. */
const correlated =
  (handle: (body: Body, flowId: string) => Promise<Answer>): Handle =>
  async (body, request) => {
    const flowId = givenFlow(request) ?? randomUUID().replaceAll("-", "");
    const answer = await handle(body, flowId);
    return { ...answer, headers: { "X-Correlation-ID": flowId } };
  };

function givenFlow({ headers }: IncomingMessage): string | undefined {
  const given = headers["x-correlation-id"];
  return typeof given === "string" && given.trim() !== "" ? given : undefined;
}

async function start(
  body: Body,
  to: { sessions: Map<string, Session>; storage: string; token: string },
): Promise<Answer> {
  const filename = textOf(body["filename"]);
  const contentType = textOf(body["contenttype"]);
  const errors = {
    ...(filename.trim() === "" ? { filename: ["Filename cannot be empty"] } : {}),
    ...(types.includes(contentType.toLowerCase())
      ? {}
      : { contentType: ["Unsupported MIME type"] }),
  };
  if (Object.keys(errors).length > 0) return { status: 422, body: { errors } };
  const extension = /[.](\w+)$/.exec(filename)?.[1]?.toLowerCase() ?? "jpg";
  const day = new Date().toISOString().slice(0, 10).replaceAll("-", "/");
  const key = `images/${day}/${randomUUID()}.${extension}`;
  const { expiresat, url } = await postJson(
    `${to.storage}/internal/v1/storage/presign-put`,
    { key, contentType, ttlSec: 300 },
    { "x-internal-token": to.token },
  );
  const uploadId = randomUUID();
  to.sessions.set(uploadId, { key, contentType });
  return { status: 200, body: { uploadId, key, putUrl: url, expiresAt: expiresat } };
}

async function confirm(
  body: Body,
  flowId: string,
  { producer, sessions }: { sessions: Map<string, Session>; producer: kafkajs.Producer },
): Promise<Answer> {
  const { bytes, checksum, uploadid } = body;
  const errors = {
    ...(Number(bytes) > 0 ? {} : { bytes: ["Must be greater than zero"] }),
    ...(/^sha256:[0-9a-f]{64}$/i.test(textOf(checksum))
      ? {}
      : { checksum: ["Invalid checksum format (expected sha256:<64 hex>)"] }),
  };
  if (Object.keys(errors).length > 0) return { status: 422, body: { errors } };
  const session = sessions.get(textOf(uploadid));
  if (session === undefined) return { status: 404, body: { title: "upload not found" } };
  const uploaded = {
    UploadId: uploadid,
    ObjectKey: session.key,
    ContentType: session.contentType,
    Bytes: Number(bytes),
    Checksum: checksum,
    OccurredAt: dotnetTime(Date.now()),
  };
  const headers = {
    "x-schema": "images.uploaded.v0",
    "x-producer": "ingestion",
    "x-correlation-id": flowId,
  };
  const message = { key: session.key, headers, value: JSON.stringify(uploaded) };
  await producer.send({ topic, acks: -1, messages: [message] });
  return { status: 202, body: { status: "Accepted" } };
}
