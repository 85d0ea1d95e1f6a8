import { readFile } from "node:fs/promises";
import type { Pipeline } from "../../src/commands/compose.ts";
import { openReplayingPipeline } from "../../src/commands/replaying-pipeline.samples.ts";
import type { Hop } from "../../src/pipeline/ports/reporter.ts";
import { createRandom, type Random } from "../../src/simulation/scheduler.ts";

// The process that is killed: the whole pipeline, and a client that keeps that many flows in flight. It reports what
// it knows immediately; what it could no longer report is in its state directory.

export type Order = {
  readonly stateDir: string;
  /** Where the recorded answers for the pictures are. */
  readonly answers: string;
  readonly pictures: readonly string[];
  /** 0: uploads nothing new, and finishes what others left behind. */
  readonly inFlight: number;
  readonly seed: number;
};
export type Said =
  | { readonly type: "open" }
  | { readonly type: "accepted" | "ended" | "resumed"; readonly flowId: string }
  | { readonly type: "refused"; readonly reason: string };

/** More at once would wait for each other, and the kill would find few of them accepted. */
const uploadsAtOnce = 24;
export const ends: readonly string[] = ["analysis.completed", "analysis.failed"];
const contentType = "image/jpeg";

const say = (said: Said) => process.send?.(said);

/** Runs until it is killed, or told to close. */
export async function runUploader(order: Order): Promise<void> {
  // No parent is left to end it.
  process.once("disconnect", () => process.exit(1));
  const inFlight = new Set<string>();
  const pictures = await Promise.all(order.pictures.map((path) => readFile(path)));
  let topUp = () => {};
  const onEnd = (flowId: string) => {
    if (!inFlight.delete(flowId)) return;
    say({ type: "ended", flowId });
    topUp();
  };
  const pipeline = await open(order, {
    onHop: ({ flowId, name }) => ends.includes(name) && onEnd(flowId),
    onResumed(flowId) {
      inFlight.add(flowId);
      say({ type: "resumed", flowId });
    },
  });
  process.once("message", () => void pipeline.close().then(() => process.disconnect()));
  say({ type: "open" });
  const random = createRandom(order.seed);
  let uploading = 0;
  topUp = () => {
    while (uploading < uploadsAtOnce && inFlight.size + uploading < order.inFlight) {
      uploading += 1;
      void uploadOne(pipeline, oneOf(pictures, random), (flowId) => inFlight.add(flowId))
        .catch((error: unknown) => say({ type: "refused", reason: String(error) }))
        .finally(() => {
          uploading -= 1;
          topUp();
        });
    }
  };
  topUp();
}

type Listener = { onHop(hop: Hop): void; onResumed(flowId: string): void };

function open(order: Order, { onHop, onResumed }: Listener): Promise<Pipeline> {
  return openReplayingPipeline({
    stateDir: order.stateDir,
    answers: order.answers,
    reporter: {
      hop: onHop,
      notice({ code, flowId }) {
        if (code === "resumed" && flowId !== null) onResumed(flowId);
      },
    },
  });
}

/** When it resolves, the upload was accepted, and reported as such. `onConfirming`: the flow may end before that. */
async function uploadOne(
  { digest, gateway, http }: Pipeline,
  bytes: Uint8Array,
  onConfirming: (flowId: string) => void,
): Promise<void> {
  const started = await gateway.startUpload({ filename: "a.jpg", contentType });
  const flowId = started.correlationId;
  const headers = { "content-type": contentType, "x-correlation-id": flowId };
  const { status } = await http.send({ method: "PUT", url: started.putUrl, headers, body: bytes });
  if (status !== 200) throw new Error(`the object store answered ${status}`);
  onConfirming(flowId);
  await gateway.confirmUpload({
    uploadId: started.uploadId,
    bytes: bytes.length,
    checksum: `sha256:${digest(bytes)}`,
    correlationId: flowId,
  });
  say({ type: "accepted", flowId });
}

function oneOf<T>(items: readonly T[], random: Random): T {
  const item = items[Math.floor(random() * items.length)];
  if (item === undefined) throw new Error("there is nothing to upload");
  return item;
}
