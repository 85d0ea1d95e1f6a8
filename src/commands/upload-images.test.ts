import { join } from "node:path";
import { expect, test } from "vitest";
import { createManualClock } from "../adapters/memory/clock.ts";
import type { FlowState } from "../pipeline/engine/state.ts";
import { TuError } from "../pipeline/errors.ts";
import type { GatewayClient } from "../pipeline/ports.ts";
import type { Pipeline } from "./compose.ts";
import type { Settings } from "./config.ts";
import { once } from "./once.ts";
import { type UploadRun, uploadImages } from "./upload-images.ts";
import type { UploadScreen } from "./upload-screen.ts";

const picture = join(import.meta.dirname, "../../fixtures/images/nothing.jpg");
const reason = new TuError("E_TERMINATED", "stopped by SIGTERM");
const screen: UploadScreen = {
  reporter: { hop: () => undefined, notice: () => undefined },
  started: () => undefined,
  outcome: () => undefined,
  summary: () => undefined,
  close: () => undefined,
};
const notStarted = { file: picture, fate: { status: "not-started" }, error: { cause: reason } };
const never = () => new Promise<never>(() => undefined);

function createRun(signal: AbortSignal, open: () => Promise<Pipeline>): UploadRun {
  const settings = { concurrency: 2 } as Settings; // all that is read of it
  const pipeline = once(open);
  return {
    withTimings: false,
    isKept: true,
    settings,
    screen,
    onAccepted: () => undefined,
    signal,
    preloaded: once(async () => undefined),
    pipeline,
  };
}

/** A pipeline that hands every upload to `startUpload`; nothing else of it is reached. */
function pipelineWith(startUpload: GatewayClient["startUpload"], more: object = {}): Pipeline {
  const clock = createManualClock(0);
  const pipeline = { gateway: { startUpload }, clock, digest: () => "same", resumed: [], ...more };
  return pipeline as unknown as Pipeline;
}

test("stopped before an input is opened, an upload ends with the signal's reason", async () => {
  const controller = new AbortController();
  const uploading = uploadImages([picture], createRun(controller.signal, never));
  controller.abort(reason); // while the readers load
  expect((await uploading).outcomes).toMatchObject([notStarted]);
});

test("stopped while the pipeline opens, it does not wait for it", async () => {
  const controller = new AbortController();
  const opening = () => {
    controller.abort(reason);
    return never();
  };
  const uploading = uploadImages([picture], createRun(controller.signal, opening));
  expect((await uploading).outcomes).toMatchObject([notStarted]);
});

test("stopped while a picture is uploaded, the same picture after it is not started", async () => {
  const controller = new AbortController();
  let started = 0;
  const pipeline = pipelineWith(async () => {
    started += 1;
    controller.abort(reason);
    throw reason;
  });
  const run = createRun(controller.signal, async () => pipeline);
  const { outcomes } = await uploadImages([picture, picture], run);
  expect(outcomes).toMatchObject([notStarted, notStarted]);
  expect(started).toBe(1);
});

/** Flows of an earlier run: those with a state end at once, the others never. */
function resuming(
  states: Readonly<Record<string, FlowState>>,
  onWait: () => void = () => undefined,
) {
  const notices: string[] = [];
  let allTold = () => {};
  /** Each that ends was told. */
  const told = new Promise<void>((resolve) => {
    allTold = resolve;
  });
  const recorder = {
    until(flowId: string) {
      onWait();
      return states[flowId] === undefined ? never() : Promise.resolve();
    },
    notice({ message }: { message: string }) {
      notices.push(message);
      if (notices.length === Object.keys(states).length) allTold();
    },
  };
  const more = {
    resumed: ["one", "two", "three"],
    recorder,
    stateOf: async (flowId: string) => states[flowId],
  };
  return { more, notices, told };
}
const refused = new TuError("E_UPLOAD_REFUSED", "no");

test("stopped while what an earlier run left goes on, it says so beside the outcomes", async () => {
  const controller = new AbortController();
  const { more, notices } = resuming({}, () => controller.abort(reason));
  const pipeline = pipelineWith(() => Promise.reject(refused), more);
  const run = createRun(controller.signal, async () => pipeline);
  expect(await uploadImages([picture], run)).toEqual({
    outcomes: [{ type: "error", file: picture, error: refused }],
    stopped: reason,
  });
  expect(notices).toEqual(["3 resumed flows have not ended yet; the next start goes on with that"]);
});

test("how what an earlier run left has ended is told, and that it has not", async () => {
  const failure = { step: "recognition", code: "E_VISION_FAILED", reason: "no reader" };
  const { more, notices, told } = resuming({
    one: { status: "completed", definition: "d@1" },
    two: {
      status: "failed",
      definition: "d@1",
      failure: { ...failure, retryable: false, attempt: 1, attempts: 3 },
    },
  });
  const late = new TuError("E_DEADLINE", "no end within 1m");
  const controller = new AbortController();
  const pipeline = pipelineWith(() => Promise.reject(refused), more);
  const uploading = uploadImages(
    [picture],
    createRun(controller.signal, async () => pipeline),
  );
  await told;
  controller.abort(late);
  expect((await uploading).stopped).toBe(late);
  expect(notices).toEqual([
    "flow one completed",
    "flow two failed in step recognition: E_VISION_FAILED: no reader",
    "a resumed flow has not ended yet; the next start goes on with that",
  ]);
});
