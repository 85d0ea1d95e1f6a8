import { join } from "node:path";
import { expect, test } from "vitest";
import { createManualClock } from "../adapters/memory/clock.ts";
import { TuError } from "../pipeline/errors.ts";
import { once } from "../pipeline/once.ts";
import type { ClientEvent } from "../pipeline/operations/upload.ts";
import type { GatewayClient } from "../pipeline/ports/gateway-client.ts";
import type { Pipeline } from "./compose.ts";
import type { Settings } from "./config.ts";
import { type UploadRun, uploadImages } from "./upload-images.ts";
import type { UploadScreen } from "./upload-screen.ts";

const picture = join(import.meta.dirname, "../../fixtures/images/nothing.jpg");
const reason = new TuError("E_TERMINATED", "stopped by SIGTERM");
const screen: UploadScreen = {
  format: "text",
  reporter: { hop: () => undefined, notice: () => undefined },
  started: () => undefined,
  outcome: () => undefined,
  summary: () => undefined,
  close: () => undefined,
};
const notStarted = { file: picture, fate: { status: "not-started" }, error: { cause: reason } };
const never = () => new Promise<never>(() => undefined);

function createRun(signal: AbortSignal, open: () => Promise<Pipeline>): UploadRun {
  const settings = { concurrency: 2 } as Settings; // only these fields are read
  const pipeline = once(open);
  return {
    isBatch: false,
    withTimings: false,
    successor: "next start",
    settings,
    expectations: undefined,
    screen,
    onAccepted: () => undefined,
    onOutcomes: () => undefined,
    signal,
    preloaded: once(async () => undefined),
    deadlineMs: 120_000,
    pipeline,
  };
}

/** A pipeline that passes every upload to `startUpload`; nothing else of it is used. */
function pipelineWith(startUpload: GatewayClient["startUpload"], more: object = {}): Pipeline {
  const clock = createManualClock(0);
  const digest = () => "same";
  const gateway = { startUpload };
  const whole = { isShared: false, runsHere: () => true, resumed: () => [] };
  const pipeline = { gateway, clock, digest, ...whole, ...more };
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

/** Flows of an earlier run: those with events end at once, the others never. */
function resuming(
  left: Readonly<Record<string, readonly ClientEvent[] | undefined>>,
  onWait: () => void = () => undefined,
  waits: Readonly<Record<string, number>> = {},
) {
  const notices: string[] = [];
  let allTold = () => {};
  /** The end of each was reported. */
  const told = new Promise<void>((resolve) => {
    allTold = resolve;
  });
  const ending = Object.values(left).filter((events) => events !== undefined).length;
  const recorder = {
    hopsOf: () => [],
    forget: () => undefined,
    notice({ message }: { message: string }) {
      notices.push(message);
      if (notices.length === ending) allTold();
    },
  };
  const note = { file: "a.jpg", objectKey: "a", checksum: "another", startedAt: "" };
  const resumed = Object.entries(left).map(([flowId, events]) => ({
    flowId,
    note: flowId === "three" ? null : note,
    waitsUntilMs: waits[flowId] ?? null,
    get events() {
      onWait();
      return events === undefined ? never() : Promise.resolve(events);
    },
  }));
  const flow = { name: "full", hops: [] };
  const notes = { put: async () => undefined, remove: async () => undefined };
  const machines = { findByObjectKey: async () => undefined };
  return { more: { resumed: () => resumed, recorder, flow, notes, machines }, notices, told };
}
const refused = new TuError("E_UPLOAD_REFUSED", "no");

test("stopped while what an earlier run left goes on, it says so beside the outcomes", async () => {
  const controller = new AbortController();
  const { more, notices } = resuming({ one: undefined, three: undefined }, () =>
    controller.abort(reason),
  );
  const pipeline = pipelineWith(() => Promise.reject(refused), more);
  const run = createRun(controller.signal, async () => pipeline);
  const uploading = uploadImages([picture], run);
  const { outcomes, stopped } = await uploading;
  expect({ outcomes: outcomes.length, stopped }).toEqual({ outcomes: 1, stopped: reason });
  expect(notices).toEqual([
    "a.jpg (flow one) has not ended; the next start resumes it",
    "flow three has not ended; the next start resumes it",
  ]);
});

test("a timer that is due within the time of the run is awaited, others are left to a later start", async () => {
  const ended = [
    { name: "analysis.completed", id: "1", payload: { success: true, recognitionPayload: null } },
  ];
  const waits = { one: 4_000, two: 3_600_000 };
  const { more, notices } = resuming({ one: ended, two: undefined }, undefined, waits);
  const pipeline = pipelineWith(() => Promise.reject(refused), more);
  const run = createRun(new AbortController().signal, async () => pipeline);
  expect((await uploadImages([picture], run)).stopped).toBeUndefined();
  expect(notices).toEqual([
    "a.jpg (flow two) waits for a timer; a later start resumes it",
    "waiting for a.jpg (flow one), due in 4 s",
    "a.jpg (flow one) completed",
  ]);
});

test("the end of each resumed flow is reported, or that it has not ended", async () => {
  const failure = { step: "recognition", code: "E_VISION_FAILED", reason: "no reader" };
  const { more, notices, told } = resuming({
    one: [
      { name: "analysis.completed", id: "1", payload: { success: true, recognitionPayload: null } },
    ],
    two: [
      {
        name: "analysis.failed",
        id: "2",
        payload: { ...failure, objectKey: "a", retryable: false, attempt: 1, attempts: 3 },
      },
    ],
    three: undefined,
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
  expect((await uploading).stopped?.code).toBe("E_DEADLINE");
  expect(new Set(notices)).toEqual(
    new Set([
      "a.jpg (flow one) completed",
      "a.jpg (flow two) failed in step recognition: E_VISION_FAILED: no reader",
      "flow three has not ended; the next start resumes it",
    ]),
  );
});
