import { expect, test } from "vitest";
import { createManualClock } from "../../adapters/memory/clock.ts";
import { sha256 } from "../../adapters/memory/ids.ts";
import { createMemoryMachines } from "../../adapters/memory/machines.ts";
import { findContract } from "../contracts/catalogue.ts";
import { createDeferred } from "../deferred.ts";
import { TuError } from "../errors.ts";
import { flowNamed } from "../flows/flow.ts";
import type { Clock } from "../ports/clock.ts";
import type { ClientListener, GatewayClient } from "../ports/gateway-client.ts";
import type { HttpRequest } from "../ports/http-client.ts";
import type { Hop } from "../ports/reporter.ts";
import { UploadReport } from "../reports/upload.ts";
import { sampleHop } from "../trace/hop.samples.ts";
import { createRecorder } from "../trace/recorder.ts";
import { follow, type UploadInput, type UploadPorts, upload } from "./upload.ts";

const objectKey = "images/2026/01/01/a.jpg";
const flowId = "0198c7e6-2f6a-7000-8000-000000000001";
const bytes = new Uint8Array([1, 2, 3]);
const example = (name: string) => ({ ...findContract(name)?.example, objectKey });

/** A gateway controlled by the test. `onConfirm` is its reaction to the confirm. */
function pipeline({
  flow = "current" as "current" | "full",
  isShared = false,
  putStatus = 200,
  onUnsubscribe = () => undefined as unknown,
  onConfirm = async () => undefined as unknown,
} = {}) {
  const log: string[] = [];
  const requests: HttpRequest[] = [];
  let listener: ClientListener | undefined;
  const clock = createManualClock(1_000);
  const notices: string[] = [];
  const recorder = createRecorder({
    hop: () => undefined,
    notice: ({ message }) => void notices.push(message),
  });
  const gateway: GatewayClient = {
    startUpload: async () => {
      log.push("start");
      const upload = { uploadId: "u", key: objectKey, putUrl: "http://put" };
      return { ...upload, correlationId: flowId, expiresAt: "2026-01-01T00:05:00.000Z" };
    },
    async subscribe(_flowId, to) {
      log.push("subscribe");
      listener = to;
      return {
        async close() {
          log.push("unsubscribe");
          onUnsubscribe();
        },
      };
    },
    async confirmUpload({ bytes: size, checksum }) {
      log.push(`confirm ${size} ${checksum.slice(0, 11)}`);
      await onConfirm();
    },
  };
  const machines = createMemoryMachines();
  const ports: UploadPorts = {
    ...{ gateway, clock, recorder, digest: sha256, machines },
    flow: flowNamed(flow),
    isShared,
    runsHere: () => true,
    http: {
      async send(request) {
        log.push("put");
        requests.push(request);
        return { status: putStatus, headers: {}, body: new Uint8Array() };
      },
    },
  };
  return {
    ...{ ports, log, requests, clock, recorder, machines, notices },
    tell: (name: string, payload: unknown = example(name)) =>
      listener?.onEvent({ name, id: `id of ${name}`, payload }),
    lose: (reason: string) => listener?.onLost(reason),
  };
}
type Pipeline = ReturnType<typeof pipeline>;

const input = (values: Partial<UploadInput> = {}): UploadInput => ({
  file: "a.jpg",
  filename: "a.jpg",
  contentType: "image/jpeg",
  bytes,
  signal: new AbortController().signal,
  onStage: () => undefined,
  ...values,
});

/** The pipeline's reaction to a confirm. */
const completing = (of: () => Pipeline) => async () => {
  await of().clock.advance(250);
  of().tell("recognition.completed");
  of().tell("analysis.completed");
};

test("an image is put, confirmed with what it is, and followed to the end", async () => {
  const stages: string[] = [];
  const one: Pipeline = pipeline({ onConfirm: completing(() => one) });
  const report = await upload(
    input({ onStage: (stage, { flowId: of }) => void stages.push(`${stage} ${of}`) }),
    one.ports,
  );
  expect(one.log).toEqual(["start", "subscribe", "put", "confirm 3 sha256:0390", "unsubscribe"]);
  expect(stages).toEqual([`started ${flowId}`, `confirming ${flowId}`, `accepted ${flowId}`]);
  expect(one.requests[0]).toMatchObject({
    ...{ method: "PUT", url: "http://put", body: bytes },
    headers: { "content-type": "image/jpeg", "x-correlation-id": flowId, "x-producer": "client" },
  });
  expect(UploadReport.parse(report)).toEqual(report);
  expect(report).toMatchObject({
    status: "completed",
    flow: "current",
    durationMs: 250,
    objectKey,
  });
  expect(report.hops.map(({ name }) => name)).toEqual(["onAnalysisCompleted"]);
  expect(report.result.recognition?.aggregate.brand).toBe("Hitachi");
  expect(one.recorder.hopsOf(flowId)).toEqual([]);
});

test("a failed analysis is a report, with the step and the reason", async () => {
  const one: Pipeline = pipeline({ onConfirm: async () => one.tell("analysis.failed") });
  const report = await upload(input(), one.ports);
  expect(UploadReport.parse(report)).toEqual(report);
  expect(report.status).toBe("failed");
  const { objectKey: _, ...failure } = example("analysis.failed");
  expect(report.failure).toEqual(failure);
  expect(report.result).toMatchObject({ recognition: null, machine: null });
});

test("flow full ends when its machine is stored, and the report has it", async () => {
  const one: Pipeline = pipeline({ flow: "full", onConfirm: completing(() => one) });
  const uploading = upload(input(), one.ports);
  const ended: string[] = [];
  void uploading.then(() => ended.push("ended"));
  await new Promise((resolve) => setImmediate(resolve));
  expect(ended).toEqual([]);
  const description = { brand: "Hitachi", type: null, model: null, name: "Hitachi" };
  const seenAt = "2026-01-01T00:00:00.000Z";
  await one.machines.save({
    ...{ machineId: "m1", checksum: null, ...description, confidence: 0.9, resembles: [] },
    sighting: { flowId, objectKey, seenAt, verdict: "new" },
  });
  const stored = { name: "machine saved", kind: "write", from: "svc-machine-storage" } as const;
  one.recorder.hop(sampleHop({ ...stored, flowId }));
  expect((await uploading).result.machine).toMatchObject({ id: "m1", sightings: [{ flowId }] });
});

test("a machine that another pipeline may have stored is not waited for beyond 10 s", async () => {
  const one: Pipeline = pipeline({
    flow: "full",
    isShared: true,
    onConfirm: completing(() => one),
  });
  const waits = createDeferred();
  const clock: Clock = {
    ...one.clock,
    sleep(ms, signal) {
      const sleeping = one.clock.sleep(ms, signal);
      waits.resolve();
      return sleeping;
    },
  };
  const uploading = upload(input(), { ...one.ports, clock });
  await waits.promise;
  await one.clock.advance(9_999);
  expect(one.notices).toEqual([]);
  await one.clock.advance(1);
  expect(await uploading).toMatchObject({ status: "completed", result: { machine: null } });
  expect(one.notices).toEqual([expect.stringContaining("another pipeline of this context")]);
});

test("flow full does not wait for a machine that another pipeline stores", async () => {
  const one: Pipeline = pipeline({ flow: "full", onConfirm: completing(() => one) });
  const runsHere = (service: string) => service !== "svc-machine-storage";
  const { result, status } = await upload(input(), { ...one.ports, runsHere });
  expect([status, result.machine]).toEqual(["completed", null]);
});

test("an image the object store does not take is refused, and the subscription ends", async () => {
  const one = pipeline({ putStatus: 403 });
  await expect(upload(input(), one.ports)).rejects.toMatchObject({ code: "E_UPLOAD_REFUSED" });
  expect(one.log).toEqual(["start", "subscribe", "put", "unsubscribe"]);
});

test("a PUT that hears nothing ends in time for another one, and a large one has more time", async () => {
  for (const [size, timeoutMs] of [
    [100_000, 6000],
    [10 * 1024 * 1024, 30_000],
  ] as const) {
    const one: Pipeline = pipeline({ onConfirm: completing(() => one) });
    await upload(input({ bytes: new Uint8Array(size) }), one.ports);
    expect(one.requests[0]?.timeoutMs).toBe(timeoutMs);
  }
});

test("an object store that is away for a while is waited for", async () => {
  const one: Pipeline = pipeline({ onConfirm: completing(() => one) });
  let status = 503;
  const http = {
    send: async (request: HttpRequest) => ({ ...(await one.ports.http.send(request)), status }),
  };
  const uploading = upload(input(), { ...one.ports, http });
  await one.clock.advance(3000);
  expect(new Set(one.log)).toEqual(new Set(["start", "subscribe", "put"]));
  status = 200;
  await one.clock.advance(1000);
  expect((await uploading).status).toBe("completed");
  expect(one.log.slice(-2)).toEqual(["confirm 3 sha256:0390", "unsubscribe"]);
});

test("losing the gateway is reported with the reason", async () => {
  const one: Pipeline = pipeline({ onConfirm: async () => one.lose("closed 1006") });
  await expect(upload(input(), one.ports)).rejects.toMatchObject({
    code: "E_SERVICE_UNAVAILABLE",
    message: "the gateway became unavailable: closed 1006",
  });
});

test("an aborted upload does not start", async () => {
  const one = pipeline();
  const signal = AbortSignal.abort(new Error("enough"));
  await expect(upload(input({ signal }), one.ports)).rejects.toThrow("enough");
  expect(one.log).toEqual([]);
});

test("a deadline names the missing hop, and any other reason is unchanged", async () => {
  const deadline = new AbortController();
  const one: Pipeline = pipeline({
    onConfirm: async () => {
      for (const hop of flowNamed("current").hops.slice(0, 4))
        one.recorder.hop(sampleHop({ flowId, ...(hop as Partial<Hop>) }));
      deadline.abort(new TuError("E_DEADLINE", "no end within 5 s", { hint: "wait longer" }));
    },
  });
  const fifth = flowNamed("current").hops[4];
  await expect(upload(input({ signal: deadline.signal }), one.ports)).rejects.toMatchObject({
    code: "E_DEADLINE",
    message: `no end within 5 s: stuck before ${fifth?.name} (${fifth?.from} → ${fifth?.to})`,
    hint: "wait longer",
  });
});

test("a hop that arrives while the subscription closes is not named as missing", async () => {
  const deadline = new AbortController();
  const { hops } = flowNamed("current");
  const arrive = (to: Pipeline, expected: Partial<Hop> | undefined) =>
    to.recorder.hop(sampleHop({ flowId, ...expected }));
  const one: Pipeline = pipeline({
    onConfirm: async () => {
      for (const hop of hops.slice(0, 3)) arrive(one, hop as Partial<Hop>);
      deadline.abort(new TuError("E_DEADLINE", "too late"));
    },
    onUnsubscribe: () => arrive(one, hops[3] as Partial<Hop>),
  });
  const uploading = upload(input({ signal: deadline.signal }), one.ports);
  await expect(uploading).rejects.toThrow(`too late: stuck before ${hops[4]?.name} `);
});

test("an abort waits briefly for a confirm in flight, to report its outcome", async () => {
  for (const isAnswered of [true, false]) {
    const stopping = new AbortController();
    const stages: string[] = [];
    let answer = () => undefined as unknown;
    const one: Pipeline = pipeline({
      onConfirm: () => {
        stopping.abort(new Error("stopped"));
        return new Promise((resolve) => {
          answer = () => resolve(undefined);
        });
      },
    });
    const uploading = upload(
      input({ signal: stopping.signal, onStage: (stage) => void stages.push(stage) }),
      one.ports,
    );
    uploading.catch(() => undefined);
    await new Promise((resolve) => setImmediate(resolve));
    if (isAnswered) answer();
    else await one.clock.advance(200);
    await expect(uploading).rejects.toThrow("stopped");
    expect(stages.includes("accepted")).toBe(isAnswered);
  }
});

test("a resumed flow is reported like an upload, from its first hop since then", async () => {
  const one = pipeline();
  one.recorder.hop(sampleHop({ flowId, atMs: 400 }));
  const payload = example("analysis.completed");
  const events = Promise.resolve([{ name: "analysis.completed", id: "e", payload }]);
  const { signal } = new AbortController();
  const report = await follow({ file: "a.jpg", flowId, objectKey, events, signal }, one.ports);
  expect(UploadReport.parse(report)).toMatchObject(report);
  expect(report).toMatchObject({ isResumed: true, status: "completed", durationMs: 600 });
  expect(one.recorder.hopsOf(flowId)).toEqual([]);
});

test("a resumed flow that does not end in time is stuck behind the last hop that was seen", async () => {
  const { hops } = flowNamed("current");
  const at = hops.findIndex(({ name }) => name === "GET object");
  for (const [seen, where] of [
    [[], "no hop was seen"],
    [[hops[at]], `stuck before ${hops[at + 1]?.name}`],
    [[hops.at(-1)], "every hop was seen, but not the end"],
  ] as const) {
    const one = pipeline();
    for (const hop of seen) one.recorder.hop(sampleHop({ flowId, ...(hop as Partial<Hop>) }));
    const signal = AbortSignal.abort(new TuError("E_DEADLINE", "too late"));
    const events = new Promise<never>(() => undefined);
    const following = follow({ file: "a.jpg", flowId, objectKey, events, signal }, one.ports);
    await expect(following).rejects.toThrow(`too late: ${where}`);
  }
});
