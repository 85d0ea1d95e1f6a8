import { expect, onTestFinished, test } from "vitest";
import { makeDirectories } from "../adapters/filesystem/directories.ts";
import { features } from "../adapters/google-vision/features.ts";
import { sha256 } from "../adapters/memory/ids.ts";
import { createCassetteStore } from "../adapters/vision-cassettes/store.ts";
import type { FlowName } from "../pipeline/contracts/contract.ts";
import { createReferenceClient, picture } from "./reference-client.samples.ts";
import { noticing, openReplayingServices } from "./replaying-pipeline.samples.ts";
import { komatsuAnswer, temporaryDirectory } from "./run-tool.samples.ts";

async function openPipelineOf(flow: FlowName) {
  const answers = await temporaryDirectory();
  const store = createCassetteStore(answers, features);
  await store.prepare(makeDirectories);
  await store.save(picture, await komatsuAnswer());
  const notices: string[] = [];
  const reporter = noticing((message) => void notices.push(message));
  const services = await openReplayingServices({ flow, stateDir: null, answers, reporter });
  onTestFinished(() => services.close());
  const client = createReferenceClient(services.addresses.get("graph-gateway") ?? "");
  return { client, notices };
}

test("in flow current its upload is analysed, and the notice says that its claim was not true", async () => {
  const { client, notices } = await openPipelineOf("current");
  const { completed, sizes, started } = await client.subscribe();
  const { key, uploadId } = await client.putPicture();
  const { data, errors } = await client.confirm(uploadId);
  expect([data, errors]).toEqual([{ confirmUpload: { status: "Accepted" } }, undefined]);
  expect(await started.atLeast(1)).toEqual([{ data: { onAnalysisStarted: { objectKey: key } } }]);
  expect(await completed.atLeast(1)).toMatchObject([
    {
      data: {
        onAnalysisCompleted: {
          success: true,
          recognitionPayload: { provider: { name: "vision" }, aggregate: { brand: "Komatsu" } },
        },
      },
    },
  ]);
  expect(Math.max(...sizes)).toBeLessThan(8192);
  expect(notices).toEqual([expect.stringContaining(`the claim for ${key} does not match`)]);
});

test("in flow full its claim is refused, and a true one is taken", async () => {
  const { client } = await openPipelineOf("full");
  const { uploadId } = await client.putPicture();
  const { errors } = await client.confirm(uploadId);
  expect(errors?.[0]?.message).toContain(
    `bytes: Does not match the stored object (${picture.length} bytes)`,
  );
  const checksum = `sha256:${sha256(picture).toUpperCase()}`;
  const { data } = await client.confirm(uploadId, { bytes: picture.length, checksum });
  expect(data).toEqual({ confirmUpload: { status: "Accepted" } });
});
