import { AnalysisCompleted } from "../contracts/analysis.ts";
import { ComparisonCompleted } from "../contracts/comparison.ts";
import { StepFailed } from "../contracts/failure.ts";
import { MetadataSorted } from "../contracts/metadata.ts";
import { RecognitionCompleted } from "../contracts/recognition.ts";
import { TuError } from "../errors.ts";
import type { Flow } from "../flows/flow.ts";
import type {
  ClientListener,
  Clock,
  Digest,
  GatewayClient,
  Hop,
  HttpClient,
  Machines,
} from "../ports.ts";
import type { Recorder } from "../trace/recorder.ts";
import { firstMissing, tell } from "../trace/story.ts";
import { timingsOf } from "./timings.ts";
import type { UploadReport } from "./upload-report.ts";

export type UploadPorts = {
  readonly gateway: GatewayClient;
  readonly http: HttpClient;
  readonly digest: Digest;
  readonly clock: Clock;
  readonly machines: Machines;
  readonly recorder: Recorder;
  readonly flow: Flow;
};
export type UploadInput = {
  /** As the user called it; shown, never parsed. */
  readonly file: string;
  readonly filename: string;
  readonly contentType: string;
  readonly bytes: Uint8Array;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  /** Told once the gateway has given the flow its id. */
  readonly onStarted: (flowId: string) => void;
};

type Event = Parameters<ClientListener["onEvent"]>[0];

/**
 * Uploads one image and follows its analysis to the end. A failed analysis is a report; thrown is
 * only what kept it from being one: E_UPLOAD_REFUSED, E_SERVICE_UNAVAILABLE, E_DEADLINE (naming the
 * hop that is missing), or the signal's reason.
 */
export async function upload(input: UploadInput, ports: UploadPorts): Promise<UploadReport> {
  input.signal.throwIfAborted(); // it may have waited for another with the same content
  const startedAtMs = ports.clock.nowMs();
  const { bytes, contentType, filename } = input;
  const started = await ports.gateway.startUpload({ filename, contentType });
  const flowId = started.correlationId;
  input.onStarted(flowId);
  const events: Event[] = [];
  const end = createDeferred();
  end.promise.catch(() => undefined); // whoever waits hears it; before that the upload's own error counts
  const subscription = await ports.gateway.subscribe(flowId, {
    onEvent(event) {
      events.push(event);
      if (isEnd(event)) {
        reportToClient(event, flowId, ports);
        end.resolve();
      }
    },
    onLost: (reason) =>
      end.reject(new TuError("E_SERVICE_UNAVAILABLE", `the gateway went away: ${reason}`)),
  });
  try {
    await putObject(started.putUrl, input, flowId, ports);
    await ports.gateway.confirmUpload({
      uploadId: started.uploadId,
      bytes: bytes.length,
      checksum: `sha256:${ports.digest(bytes)}`,
      correlationId: flowId,
    });
    const finished = end.promise.then(() => machineStored(flowId, events, ports));
    await withinDeadline(finished, input, flowId, ports);
  } finally {
    await subscription.close();
  }
  try {
    return await report(input, { flowId, objectKey: started.key, startedAtMs, events }, ports);
  } finally {
    ports.recorder.forget(flowId);
  }
}

type Deferred = {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
};

/** Promise.withResolvers, which Node 20 does not have. */
function createDeferred(): Deferred {
  let settle: Omit<Deferred, "promise"> = { resolve: () => undefined, reject: () => undefined };
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, resolve: () => settle.resolve(), reject: (error) => settle.reject(error) };
}

function isEnd({ name }: Event): boolean {
  return name === "analysis.completed" || name === "analysis.failed";
}

async function putObject(
  url: string,
  { bytes, contentType }: UploadInput,
  flowId: string,
  { http }: UploadPorts,
): Promise<void> {
  const { status } = await http.send({
    method: "PUT",
    url,
    headers: {
      "content-type": contentType,
      "x-correlation-id": flowId,
      "x-producer": "client",
    },
    body: bytes,
  });
  if (status === 200) return;
  throw new TuError("E_UPLOAD_REFUSED", `the object store answered ${status} to the image`, {
    hint: "a presigned URL lives for 300 seconds; try again",
  });
}

/** The record is svc-machine-storage's own work and may come after the client's notification. */
async function machineStored(
  flowId: string,
  events: readonly Event[],
  { flow, recorder }: UploadPorts,
): Promise<void> {
  const isStored = flow.hops.some(({ to }) => to === "svc-machine-storage");
  const isCompleted = events.some(({ name }) => name === "analysis.completed");
  if (isStored && isCompleted) await recorder.until(flowId, ({ kind }) => kind === "write");
}

async function withinDeadline(
  finished: Promise<void>,
  { deadlineMs, signal }: UploadInput,
  flowId: string,
  { clock, flow, recorder }: UploadPorts,
): Promise<void> {
  const race = new AbortController();
  const deadline = clock.sleep(deadlineMs, AbortSignal.any([race.signal, signal])).then(() => {
    throw stuck(flow, recorder.hopsOf(flowId), flowId, deadlineMs);
  });
  try {
    await Promise.race([finished, deadline]);
  } finally {
    // The loser of the race must neither hold the process nor reject unheard.
    deadline.catch(() => undefined);
    finished.catch(() => undefined);
    race.abort();
  }
}

function stuck(flow: Flow, hops: readonly Hop[], flowId: string, deadlineMs: number): TuError {
  const missing = firstMissing(flow, hops);
  const where =
    missing === undefined
      ? "every hop was seen, but not the end"
      : `stuck before ${missing.name} (${missing.from} → ${missing.to})`;
  return new TuError("E_DEADLINE", `no end within ${deadlineMs / 1000} s: ${where}`, {
    hint: `flow ${flowId} is recorded and goes on at the next start; --timeout gives it longer`,
  });
}

function reportToClient(event: Event, flowId: string, { clock, recorder }: UploadPorts): void {
  recorder.hop({
    flowId,
    name: event.name === "analysis.completed" ? "onAnalysisCompleted" : "onAnalysisFailed",
    kind: "event",
    transport: "graphql-ws",
    from: "graph-gateway",
    to: "client",
    atMs: clock.nowMs(),
    messageId: null,
    causationId: event.id,
    note: null,
  });
}

type Finished = {
  readonly flowId: string;
  readonly objectKey: string;
  readonly startedAtMs: number;
  readonly events: readonly Event[];
};

async function report(
  { file }: UploadInput,
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
    hops: [...tell(hops)],
    result: {
      recognition: recognition.success
        ? recognition.data
        : ((completed.success ? completed.data.recognitionPayload : null) ?? null),
      comparison: ComparisonCompleted.nullable()
        .catch(null)
        .parse(payloadOf("comparison.completed")),
      metadata: MetadataSorted.nullable().catch(null).parse(payloadOf("metadata.sorted")),
      machine: machine === undefined ? null : copyOf(machine),
    },
    ...("step" in failure ? { failure } : {}),
    timings: [...timingsOf(hops)],
  };
}

function copyOf(machine: NonNullable<Awaited<ReturnType<Machines["find"]>>>) {
  return {
    ...machine,
    sightings: [...machine.sightings],
    resembles: [...machine.resembles],
  };
}
