import { readFile } from "node:fs/promises";
import { expect, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { createCollector } from "../adapters/testing/collector.ts";
import { image } from "./run-tool.samples.ts";

// The console client of the deployed system, as it behaves: it subscribes without arguments before it uploads,
// declares every picture image/png, and confirms with 1234 bytes and a checksum of 64 `a`. It reads into 8 KiB, one
// frame per message, and is done at the first completed analysis.

const startUpload = `
  mutation($filename: String!, $contentType: String!) {
    startUpload(filename: $filename, contentType: $contentType) {
      correlationId
      imageUploadPayload { uploadId, key, putUrl, expiresAt }
    }
  }`;
const confirmUpload = `
  mutation($uploadId: String!, $bytes: Int!, $checksum: String!) {
    confirmUpload(uploadId: $uploadId, bytes: $bytes, checksum: $checksum) { status }
  }`;
const onStarted = "subscription { onAnalysisStarted { objectKey } }";
const onCompleted = `
  subscription {
    onAnalysisCompleted {
      success
      recognitionPayload {
        provider { name apiVersion featureset maxResults }
        aggregate { brand type model confidence isConfident typeConfidence typeSource name }
      }
    }
  }`;
export const claim = { bytes: 1234, checksum: `sha256:${"a".repeat(64)}` };
export const picture = await readFile(image("komatsu-pc200.jpg"));

type Answer = {
  readonly data: Record<string, unknown> | null;
  readonly errors?: readonly { readonly message: string }[];
};
type Started = {
  readonly uploadId: string;
  readonly key: string;
  readonly putUrl: string;
  readonly expiresAt: string;
};
type Claim = { readonly bytes: number; readonly checksum: string };

/** `gatewayUrl` is without `/graphql`. */
export function createReferenceClient(gatewayUrl: string) {
  const ask = async (query: string, variables: object): Promise<Answer> => {
    const response = await fetch(`${gatewayUrl}/graphql`, {
      method: "POST",
      headers: { accept: "application/json", "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify({ query, variables }),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as Answer; // GraphQL's
  };
  const putPicture = async () => {
    const { data } = await ask(startUpload, { filename: "digger.jpg", contentType: "image/png" });
    if (data === null) throw new Error("not started");
    const { imageUploadPayload } = data["startUpload"] as { imageUploadPayload: Started }; // as asked
    const { expiresAt, key, putUrl, uploadId } = imageUploadPayload;
    expect(Date.parse(expiresAt)).toBeGreaterThan(0);
    const headers = { "content-type": "image/png" };
    const put = await fetch(putUrl, { method: "PUT", headers, body: picture });
    expect(put.status).toBe(200);
    expect(put.headers.get("etag")).toMatch(/^"[0-9a-f]{32}"$/);
    expect(put.headers.get("content-length")).toBe("0");
    return { key, uploadId };
  };
  const confirm = (uploadId: string, claimed: Claim = claim) =>
    ask(confirmUpload, { uploadId, ...claimed });
  return {
    putPicture,
    confirm,
    subscribe: () => subscribe(gatewayUrl),
    /** Resolves with its object key, once it is accepted. */
    async upload(): Promise<string> {
      const { key, uploadId } = await putPicture();
      expect(await confirm(uploadId)).toEqual({ data: { confirmUpload: { status: "Accepted" } } });
      return key;
    },
  };
}

type Frame = { readonly id?: string; readonly type: string; readonly payload?: unknown };

/** Its socket. Each subscription collects the data of its `next` frames. */
async function subscribe(gatewayUrl: string) {
  const url = `${gatewayUrl.replace("http", "ws")}/graphql`;
  const socket = new WebSocket(url, "graphql-transport-ws");
  onTestFinished(() => socket.close());
  const others = createCollector<Frame>();
  const told = { started: createCollector<unknown>(), completed: createCollector<unknown>() };
  const sizes: number[] = [];
  socket.on("message", (data) => {
    sizes.push(Buffer.byteLength(String(data)));
    const frame = JSON.parse(String(data)) as Frame; // the protocol's
    const collected = frame.type === "next" ? told[frame.id as keyof typeof told] : others;
    collected.add(frame.type === "next" ? frame.payload : frame);
  });
  const send = (frame: object) => socket.send(JSON.stringify(frame));
  await new Promise((resolve) => socket.once("open", resolve));
  send({ type: "connection_init", payload: {} });
  expect(await others.atLeast(1)).toMatchObject([{ type: "connection_ack" }]);
  send({ id: "started", type: "subscribe", payload: { query: onStarted } });
  send({ id: "completed", type: "subscribe", payload: { query: onCompleted } });
  return { ...told, sizes };
}
