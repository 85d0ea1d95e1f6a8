import { readFile } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { makeDirectories } from "../adapters/filesystem/directories.ts";
import { features } from "../adapters/google-vision/features.ts";
import { sha256 } from "../adapters/memory/ids.ts";
import { createCassetteStore } from "../adapters/vision-cassettes/store.ts";
import type { FlowName } from "../pipeline/contracts/contract.ts";
import { noticing, openReplayingServices } from "./replaying-pipeline.samples.ts";
import { image, komatsuAnswer, temporaryDirectory } from "./run-tool.samples.ts";

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
const claim = { bytes: 1234, checksum: `sha256:${"a".repeat(64)}` };
const picture = await readFile(image("komatsu-pc200.jpg"));

async function openPipelineOf(flow: FlowName) {
  const answers = await temporaryDirectory();
  const store = createCassetteStore(answers, features);
  await store.prepare(makeDirectories);
  await store.save(picture, await komatsuAnswer());
  const notices: string[] = [];
  const reporter = noticing((message) => void notices.push(message));
  const services = await openReplayingServices({ flow, stateDir: null, answers, reporter });
  onTestFinished(() => services.close());
  const gatewayUrl = services.addresses.get("graph-gateway") ?? "";
  const ask = async (query: string, variables: object) => {
    const response = await fetch(`${gatewayUrl}/graphql`, {
      method: "POST",
      headers: { accept: "application/json", "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify({ query, variables }),
    });
    expect(response.status).toBe(200);
    return (await response.json()) as {
      data: Record<string, unknown> | null;
      errors?: { message: string }[];
    };
  };
  return { ask, notices, gatewayUrl };
}
type Opened = Awaited<ReturnType<typeof openPipelineOf>>;

async function putPicture({ ask }: Opened) {
  const { data } = await ask(startUpload, { filename: "digger.jpg", contentType: "image/png" });
  if (data === null) throw new Error("not started");
  const { imageUploadPayload } = data["startUpload"] as {
    imageUploadPayload: { uploadId: string; key: string; putUrl: string; expiresAt: string };
  };
  const { expiresAt, key, putUrl, uploadId } = imageUploadPayload;
  expect(Date.parse(expiresAt)).toBeGreaterThan(0);
  const headers = { "content-type": "image/png" };
  const put = await fetch(putUrl, { method: "PUT", headers, body: picture });
  expect(put.status).toBe(200);
  expect(put.headers.get("etag")).toMatch(/^"[0-9a-f]{32}"$/);
  expect(put.headers.get("content-length")).toBe("0");
  return { key, uploadId };
}

type Frame = { readonly id?: string; readonly type: string; readonly payload?: unknown };

/** Its socket: `next` resolves with the data of the first `next` frame of a subscription. */
async function subscribed(gatewayUrl: string) {
  const url = `${gatewayUrl.replace("http", "ws")}/graphql`;
  const socket = new WebSocket(url, "graphql-transport-ws");
  onTestFinished(() => socket.close());
  const frames: Frame[] = [];
  const sizes: number[] = [];
  const waiting = new Set<() => void>();
  socket.on("message", (data) => {
    const text = String(data);
    sizes.push(Buffer.byteLength(text));
    frames.push(JSON.parse(text) as Frame);
    for (const wake of waiting) wake();
  });
  const until = (isWanted: (frame: Frame) => boolean) =>
    new Promise<Frame>((resolve) => {
      const look = () => {
        const frame = frames.find(isWanted);
        if (frame === undefined) return;
        waiting.delete(look);
        resolve(frame);
      };
      waiting.add(look);
      look();
    });
  const send = (frame: object) => socket.send(JSON.stringify(frame));
  await new Promise((resolve) => socket.once("open", resolve));
  send({ type: "connection_init", payload: {} });
  await until(({ type }) => type === "connection_ack");
  send({ id: "started", type: "subscribe", payload: { query: onStarted } });
  send({ id: "completed", type: "subscribe", payload: { query: onCompleted } });
  return {
    sizes,
    next: (id: string) => until((frame) => frame.type === "next" && frame.id === id),
  };
}

test("in flow current its upload is analysed, and the notice says that its claim was not true", async () => {
  const opened = await openPipelineOf("current");
  const { next, sizes } = await subscribed(opened.gatewayUrl);
  const { key, uploadId } = await putPicture(opened);
  const { data, errors } = await opened.ask(confirmUpload, { uploadId, ...claim });
  expect([data, errors]).toEqual([{ confirmUpload: { status: "Accepted" } }, undefined]);
  const started = await next("started");
  expect(started.payload).toEqual({ data: { onAnalysisStarted: { objectKey: key } } });
  expect((await next("completed")).payload).toMatchObject({
    data: {
      onAnalysisCompleted: {
        success: true,
        recognitionPayload: { provider: { name: "vision" }, aggregate: { brand: "Komatsu" } },
      },
    },
  });
  expect(Math.max(...sizes)).toBeLessThan(8192);
  expect(opened.notices).toEqual([expect.stringContaining(`the claim for ${key} does not match`)]);
});

test("in flow full its claim is refused, and a true one is taken", async () => {
  const opened = await openPipelineOf("full");
  const { uploadId } = await putPicture(opened);
  const { errors } = await opened.ask(confirmUpload, { uploadId, ...claim });
  expect(errors?.[0]?.message).toContain(
    `bytes: Does not match the stored object (${picture.length} bytes)`,
  );
  const checksum = `sha256:${sha256(picture).toUpperCase()}`;
  const { data } = await opened.ask(confirmUpload, { uploadId, bytes: picture.length, checksum });
  expect(data).toEqual({ confirmUpload: { status: "Accepted" } });
});
