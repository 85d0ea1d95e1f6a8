import { readFile } from "node:fs/promises";
import { join } from "node:path";
import Libsql from "libsql";
import { expect, test } from "vitest";
import { sha256 } from "../adapters/memory/ids.ts";
import { createTemporaryDirectory } from "../adapters/testing/temporary-directory.ts";
import type { Pipeline } from "./compose.ts";
import { noticing, openReplayingPipeline } from "./replaying-pipeline.samples.ts";

// Confirming twice has no visible effect: a listener at the gateway receives every event once, even if a second run
// on the same state confirms again.

const picture = await readFile(join(import.meta.dirname, "../../fixtures/images/nothing.jpg"));
const contentType = "image/jpeg";

// There is no recorded answer: recognition fails permanently, which is a valid end.
const open = (directory: string, onNotice?: (message: string) => void) =>
  openReplayingPipeline({
    ...{ stateDir: join(directory, "state"), answers: join(directory, "none") },
    ...(onNotice === undefined ? {} : { reporter: noticing(onNotice) }),
  });

type Heard = { readonly name: string; readonly id: string };

/** Collects a flow's events; `end` resolves with the flow's end. */
async function listen({ gateway }: Pipeline, flowId: string) {
  const heard: Heard[] = [];
  let ended = () => {};
  const end = new Promise<void>((resolve) => {
    ended = resolve;
  });
  await gateway.subscribe(flowId, {
    onEvent: ({ id, name }) => {
      heard.push({ name, id });
      if (name === "analysis.failed" || name === "analysis.completed") ended();
    },
    onLost: () => undefined,
  });
  return { heard, end };
}

async function start({ gateway, http }: Pipeline) {
  const { correlationId, putUrl, uploadId } = await gateway.startUpload({
    filename: "a.jpg",
    contentType,
  });
  const headers = { "content-type": contentType };
  await http.send({ method: "PUT", url: putUrl, headers, body: picture });
  const checksum = `sha256:${sha256(picture)}`;
  return { correlationId, uploadId, bytes: picture.length, checksum };
}

/** Another complete flow: anything sent before it has arrived when it ends. */
async function passTime(pipeline: Pipeline): Promise<void> {
  const claim = await start(pipeline);
  const { end } = await listen(pipeline, claim.correlationId);
  await pipeline.gateway.confirmUpload(claim);
  await end;
}

test("a client that confirms twice hears every event once, also after a restart", async () => {
  const { directory, remove } = await createTemporaryDirectory();
  let pipeline = await open(directory);
  try {
    const claim = await start(pipeline);
    const first = await listen(pipeline, claim.correlationId);
    const confirm = () => pipeline.gateway.confirmUpload(claim);
    await Promise.all([confirm(), confirm()]);
    await first.end;
    await confirm();
    await passTime(pipeline);
    expect(first.heard.map(({ name }) => name)).toEqual([
      "analysis.started",
      "recognition.failed",
      "analysis.failed",
    ]);
    expect(new Set(first.heard.map(({ id }) => id)).size).toBe(3);

    await pipeline.close();
    pipeline = await open(directory);
    const later = await listen(pipeline, claim.correlationId);
    await confirm();
    await confirm();
    await passTime(pipeline);
    expect(later.heard).toEqual([]);
  } finally {
    await pipeline.close();
    await remove();
  }
});

test("nobody waits for a flow that has ended, whatever of it is still owed", async () => {
  const { directory, remove } = await createTemporaryDirectory();
  const first = await open(directory);
  try {
    await passTime(first);
    await first.close();
    const database = new Libsql(join(directory, "state", "flow-full.db"));
    // Like a command that was sent twice, and whose second receiver was killed.
    database.exec(
      `INSERT INTO pending SELECT seq, 0, 1, (SELECT id FROM consumer WHERE name = 'svc-ai-vision-adapter'),
         randomblob(16), flow_id, 999 FROM entry WHERE flow_sequence = 1`,
    );
    expect(database.prepare("SELECT count(*) FROM pending").pluck().all([])).toEqual([1]);
    database.close();
    const notices: string[] = [];
    const next = await open(directory, (message) => void notices.push(message));
    expect(next.resumed()).toEqual([]);
    expect(notices.join("\n")).toContain("ended in an earlier run, still owes");
    await next.close();
  } finally {
    await remove();
  }
});
