import { AnalysisCompleted, endsOfAnalysis } from "../contracts/analysis.ts";
import { ComparisonCompleted } from "../contracts/comparison.ts";
import { StepFailed } from "../contracts/failure.ts";
import { MetadataSorted } from "../contracts/metadata.ts";
import { RecognitionCompleted } from "../contracts/recognition.ts";
import { createDeferred } from "../deferred.ts";
import { TuError } from "../errors.ts";
import type { Flow } from "../flows/flow.ts";
import { outageMs, putTimeoutMs, throughOutages } from "../http/through-outages.ts";
import { orAborted } from "../or-aborted.ts";
import type { Clock } from "../ports/clock.ts";
import type { Digest } from "../ports/digest.ts";
import type { ClientListener, GatewayClient } from "../ports/gateway-client.ts";
import type { HttpClient } from "../ports/http-client.ts";
import type { Machines } from "../ports/machines.ts";
import type { Hop } from "../ports/reporter.ts";
import type { UploadReport } from "../reports/upload.ts";
import { clientHop } from "../trace/hops.ts";
import type { Recorder } from "../trace/recorder.ts";
import { firstMissing, nextMissing, toStory } from "../trace/story.ts";
import { stuckText } from "../trace/stuck.ts";
import { toReported } from "./machines.ts";
import { timingsOf } from "./timings.ts";

export type UploadPorts = {
  readonly gateway: GatewayClient;
  readonly http: HttpClient;
  readonly digest: Digest;
  readonly clock: Clock;
  readonly machines: Pick<Machines, "findByObjectKey">;
  readonly recorder: Recorder;
  readonly flow: Flow;
  /** Whether other pipelines may do a part of the work, and store the machine where it is not seen from here. */
  readonly isShared: boolean;
  /** Whether the pipeline runs this service; others run the rest. */
  readonly runsHere: (service: string) => boolean;
};
export type UploadInput = {
  /** As the user named it; displayed, never parsed. */
  readonly file: string;
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
  /** Stops waiting; an accepted upload continues without it. */
  readonly signal: AbortSignal;
  readonly onStage: (stage: UploadStage, started: Started) => void | Promise<void>;
};
type Started = { readonly flowId: string; readonly objectKey: string };

/**
 * `started`: the gateway has assigned the flow id. `confirming`: from now on it may be accepted. `accepted`: it is
 * recorded.
 */
export type UploadStage = "started" | "confirming" | "accepted";

export type ClientEvent = Parameters<ClientListener["onEvent"]>[0];

/**
 * Uploads one image and follows its analysis to the end. A failed analysis is a report; it throws only if there can
 * be none: E_UPLOAD_REFUSED, E_SERVICE_UNAVAILABLE, or the signal's reason (E_DEADLINE names the missing hop).
 */
export async function upload(input: UploadInput, ports: UploadPorts): Promise<UploadReport> {
  input.signal.throwIfAborted(); // it may have waited for another upload of the same content
  const startedAtMs = ports.clock.nowMs();
  const { contentType, filename } = input;
  const starting = ports.gateway.startUpload({ filename, contentType });
  const started = await orAborted(starting, input.signal);
  const flowId = started.correlationId;
  await input.onStage("started", { flowId, objectKey: started.key });
  const events: ClientEvent[] = [];
  const end = createDeferred();
  end.promise.catch(() => undefined); // awaiting it throws; until then the upload's own error counts
  const subscription = await ports.gateway.subscribe(flowId, {
    onEvent(event) {
      events.push(event);
      if (endsOfAnalysis.includes(event.name)) {
        if (event.isUntold !== true) reportToClient(event, flowId, ports);
        end.resolve();
      }
    },
    onLost: (reason) =>
      end.reject(new TuError("E_SERVICE_UNAVAILABLE", `the gateway became unavailable: ${reason}`)),
  });
  try {
    await putObject(started.putUrl, input, flowId, ports);
    await confirm(started, input, ports);
    const finished = end.promise.then(() => machineStored(flowId, events, ports));
    await orAborted(finished, input.signal);
  } catch (error) {
    await subscription.close();
    // Hops go on arriving, and are shown, while it closes.
    throw naming(error, flowId, ports, firstMissing);
  }
  await subscription.close();
  try {
    return await report(input, { flowId, objectKey: started.key, startedAtMs, events }, ports);
  } finally {
    ports.recorder.forget(flowId);
  }
}

export type FollowInput = Pick<UploadInput, "file" | "signal"> &
  Started & {
    /** All events since it was resumed, once it has ended. */
    readonly events: Promise<readonly ClientEvent[]>;
  };

/**
 * Follows a flow left by an earlier run to its end, like an upload: the report has the hops since then. Throws the
 * signal's reason.
 */
export async function follow(input: FollowInput, ports: UploadPorts): Promise<UploadReport> {
  const { flowId, objectKey, signal } = input;
  try {
    const events = await orAborted(input.events, signal);
    await orAborted(machineStored(flowId, events, ports), signal);
    const startedAtMs = ports.recorder.hopsOf(flowId)[0]?.atMs ?? ports.clock.nowMs();
    const told = await report(input, { flowId, objectKey, startedAtMs, events }, ports);
    return { ...told, isResumed: true };
  } catch (error) {
    throw naming(error, flowId, ports, nextMissing);
  } finally {
    ports.recorder.forget(flowId);
  }
}

/** Waits for a store that is away for a while. Putting the same bytes twice changes nothing. */
async function putObject(
  url: string,
  { bytes, contentType, signal }: UploadInput,
  flowId: string,
  { clock, http }: UploadPorts,
): Promise<void> {
  const patient = throughOutages(http, { clock, forMs: outageMs, signal });
  const { status } = await patient.send({
    method: "PUT",
    url,
    headers: {
      "content-type": contentType,
      "x-correlation-id": flowId,
      "x-producer": "client",
    },
    body: bytes,
    timeoutMs: putTimeoutMs(bytes.length),
  });
  if (status === 200) return;
  throw new TuError(
    "E_UPLOAD_REFUSED",
    `the object store rejected the image with status ${status}`,
    {
      hint: "try again; a presigned URL is valid for 300 seconds",
    },
  );
}

/** For the machine of a completed analysis that another pipeline may store. */
const sharedMachineMs = 10_000;

/** svc-machine-storage writes the record on its own, possibly after the client's notification. */
async function machineStored(
  flowId: string,
  events: readonly ClientEvent[],
  { clock, flow, isShared, recorder, runsHere }: UploadPorts,
): Promise<void> {
  const storage = "svc-machine-storage";
  const isStored = runsHere(storage) && flow.hops.some(({ to }) => to === storage);
  const isCompleted = events.some(({ name }) => name === "analysis.completed");
  if (!isStored || !isCompleted) return;
  const stored = recorder.until(flowId, isWriteOf(storage));
  if (!isShared) return void (await stored);
  const done = new AbortController();
  const isLate = clock.sleep(sharedMachineMs, done.signal).then(
    () => true,
    () => false,
  );
  if (await Promise.race([stored.then(() => false), isLate]))
    recorder.notice({
      code: "machine-elsewhere",
      message: "the machine was not stored here: another pipeline of this context may have done it",
      flowId,
    });
  done.abort();
}

/** Stored, or given up: either way, nothing follows. */
const isWriteOf =
  (service: string) =>
  ({ from, kind }: Hop): boolean =>
    kind === "write" && from === service;

/** How long to wait for a confirm in flight when everything else stops. */
const confirmMs = 200;

/** The response tells whether the flow is recorded, which is worth a short wait even when stopping. */
async function confirm(
  { correlationId, key: objectKey, uploadId }: Awaited<ReturnType<GatewayClient["startUpload"]>>,
  { bytes, onStage, signal }: UploadInput,
  { clock, digest, gateway }: UploadPorts,
): Promise<void> {
  const started = { flowId: correlationId, objectKey };
  await onStage("confirming", started);
  const checksum = `sha256:${digest(bytes)}`;
  const confirming = gateway.confirmUpload({
    ...{ uploadId, bytes: bytes.length, checksum, correlationId },
  });
  await orAborted(confirming, signal).catch(async (error: unknown) => {
    if (!signal.aborted) throw error;
    const done = new AbortController();
    const tooLate = clock.sleep(confirmMs, done.signal).then(() => {
      throw error;
    });
    tooLate.catch(() => undefined);
    await Promise.race([confirming, tooLate]).finally(() => done.abort());
  });
  await onStage("accepted", started);
}

/** When the deadline expires, adds how far the flow has come. */
function naming(
  error: unknown,
  flowId: string,
  { flow, recorder, runsHere }: UploadPorts,
  missingIn: typeof firstMissing,
): unknown {
  if (!(error instanceof TuError) || error.code !== "E_DEADLINE") return error;
  const hops = recorder.hopsOf(flowId);
  const where = stuckText(flow, hops, { runsHere, missingIn });
  const hint = error.hint === undefined ? {} : { hint: error.hint };
  return new TuError("E_DEADLINE", `${error.message}: ${where}`, { ...hint, cause: error });
}

function reportToClient(
  event: ClientEvent,
  flowId: string,
  { clock, recorder }: UploadPorts,
): void {
  const name = event.name === "analysis.completed" ? "onAnalysisCompleted" : "onAnalysisFailed";
  recorder.hop(clientHop({ flowId, name, atMs: clock.nowMs(), eventId: event.id }));
}

type Finished = {
  readonly flowId: string;
  readonly objectKey: string;
  readonly startedAtMs: number;
  readonly events: readonly ClientEvent[];
};

async function report(
  { file }: Pick<UploadInput, "file">,
  { events, flowId, objectKey, startedAtMs }: Finished,
  { clock, flow, machines, recorder }: UploadPorts,
): Promise<UploadReport> {
  const payloadOf = (name: string) => events.find((event) => event.name === name)?.payload;
  const completed = AnalysisCompleted.safeParse(payloadOf("analysis.completed"));
  const failed = StepFailed.safeParse(payloadOf("analysis.failed"));
  const recognition = RecognitionCompleted.safeParse(payloadOf("recognition.completed"));
  const machine = completed.success ? await machines.findByObjectKey(objectKey) : undefined;
  const hops = recorder.hopsOf(flowId);
  const { objectKey: _, ...failure } = failed.success ? failed.data : { objectKey };
  return {
    schema: "tu-analyze/upload@1",
    file,
    flowId,
    flow: flow.name,
    objectKey,
    status: completed.success ? "completed" : "failed",
    durationMs: clock.nowMs() - startedAtMs,
    hops: [...toStory(hops)],
    result: {
      recognition: recognition.success
        ? recognition.data
        : ((completed.success ? completed.data.recognitionPayload : null) ?? null),
      comparison: ComparisonCompleted.nullable()
        .catch(null)
        .parse(payloadOf("comparison.completed") ?? completed.data?.comparison),
      metadata: MetadataSorted.nullable()
        .catch(null)
        .parse(payloadOf("metadata.sorted") ?? completed.data?.metadata),
      machine: machine === undefined ? null : toReported(machine),
    },
    ...("step" in failure ? { failure } : {}),
    timings: [...timingsOf(hops)],
  };
}
