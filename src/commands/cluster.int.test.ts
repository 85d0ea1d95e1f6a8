import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { makePictures } from "../../scripts/kill/pictures.ts";
import { openWire } from "../adapters/testing/wire.ts";
import { flowNames } from "../pipeline/contracts/contract.ts";
import type { UploadReport } from "../pipeline/reports/upload.ts";
import { areThere, servers } from "./real-servers.samples.ts";
import {
  binary,
  image,
  json,
  jsonLines,
  komatsuAnswer,
  replaying,
  temporaryDirectory,
  tool,
} from "./run-tool.samples.ts";

// The binary on real Kafka, RabbitMQ and S3, through context `env`.

const komatsu = image("komatsu-pc200.jpg");

/** Without what the other flow left in queues that this one's services read. */
async function cluster() {
  await deleteQueues();
  const answers = await replaying({ "komatsu-pc200.jpg": await komatsuAnswer() });
  const stateDir = await temporaryDirectory();
  const own = { TU_ANALYZE_STATE_DIR: stateDir, TU_ANALYZE_CONTEXT: "env" };
  return { ...servers, ...answers, ...own };
}
async function deleteQueues(): Promise<void> {
  const { RABBIT_MANAGEMENT_URL: url, RABBIT_PASS, RABBIT_USER } = servers;
  if (url === undefined) return; // not ours
  const headers = {
    authorization: `Basic ${Buffer.from(`${RABBIT_USER}:${RABBIT_PASS}`).toString("base64")}`,
  };
  const listed = await fetch(`${url}/api/queues/%2F`, { headers });
  for (const { name } of (await listed.json()) as { name: string }[])
    await fetch(`${url}/api/queues/%2F/${encodeURIComponent(name)}`, { method: "DELETE", headers });
}
type Env = Awaited<ReturnType<typeof cluster>>;

/** `up`, ready. */
async function up(env: Env, args: readonly string[] = []): Promise<ChildProcess> {
  const child = spawn(process.execPath, [binary, "up", "--port", "0", "-o", "json", ...args], {
    env: { PATH: process.env["PATH"], HOME: env.TU_ANALYZE_STATE_DIR, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGTERM"); // what is done is committed
    await ended;
  });
  await Promise.race([
    once(child.stdout, "data"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`up ended with ${code}`))),
  ]);
  return child;
}

/** What happened, whatever the order of what is concurrent. */
const hopsOf = ({ hops }: Pick<UploadReport, "hops">) =>
  hops
    .map(({ from, kind, name, to, transport }) => [kind, transport, name, from, to].join(" "))
    .toSorted((a, b) => a.localeCompare(b));

/** Nothing comes before what caused it. */
function expectCausalOrder({ hops }: Pick<UploadReport, "hops">): void {
  const seen = new Set<string | null>();
  const ids = new Set(hops.map(({ messageId }) => messageId));
  for (const { causationId, messageId, name } of hops) {
    if (causationId !== null && ids.has(causationId))
      expect([name, seen.has(causationId)]).toEqual([name, true]);
    seen.add(messageId);
  }
}

test.skipIf(!areThere).each(flowNames)(
  "flow %s tells the same story as in process, alone and through a running pipeline",
  async (flow) => {
    const env = await cluster();
    const embedded = { ...env, TU_ANALYZE_CONTEXT: "local" };
    const args = ["upload", komatsu, "--flow", flow, "-o", "json"];
    const report = async (result: ReturnType<typeof tool>) =>
      json(await result) as unknown as UploadReport; // parsed against its schema
    const own = await report(tool(args, { env: embedded }));
    const alone = await report(tool([...args, "--in-process"], { env }));
    await up(env, ["--flow", flow]);
    const there = await report(tool(args, { env: { ...env, TU_ANALYZE_VISION: "" } }));
    for (const one of [alone, there]) {
      expect(one.status).toBe("completed");
      expect(hopsOf(one)).toEqual(hopsOf(own));
      expectCausalOrder(one);
    }
    expectCausalOrder(own);
    expect(alone.result.comparison?.verdict).toBe(flow === "full" ? "new" : undefined);
    expect(there.result.comparison?.verdict).toBe(flow === "full" ? "known" : undefined);
  },
);

test.skipIf(!areThere).each(flowNames)(
  "flow %s: an object store that is away for three seconds fails no upload and no analysis",
  async (flow) => {
    const env = await cluster();
    const directory = await temporaryDirectory();
    const answers = await temporaryDirectory();
    const [, ...pictures] = await makePictures(directory, answers, 10); // the first one has no answer
    const wire = await openWire(servers["Minio__Endpoint"] ?? "");
    onTestFinished(() => wire.close());
    const endpoint = `127.0.0.1:${wire.port}`;
    const byWire = { Minio__Endpoint: endpoint, Minio__PublicBaseUrl: `http://${endpoint}` };
    let cuts = 0;
    const result = await tool(
      ["upload", ...pictures, "--flow", flow, "--concurrency", "3", "-o", "jsonl", "--in-process"],
      {
        env: { ...env, ...byWire, TU_ANALYZE_VISION_DIR: answers },
        onStdout() {
          cuts += 1;
          if (cuts === 1) wire.cut();
          if (cuts === 1) setTimeout(() => wire.mend(), 3000);
        },
      },
    );
    const ends = jsonLines(result).map(({ failure, status }) => failure ?? status);
    expect(ends).toEqual(pictures.map(() => "completed"));
    expect([cuts > 1, result.code]).toEqual([true, 0]);
  },
);

test.skipIf(!areThere)("every leg of the context answers", async () => {
  const tested = await tool(["context", "test", "-o", "json"], { env: await cluster() });
  expect(json(tested)).toMatchObject({
    isWorking: true,
    legs: [
      { name: "kafka", ms: expect.any(Number) },
      { name: "rabbitmq", ms: expect.any(Number) },
      { name: "object store", ms: expect.any(Number) },
    ],
  });
});

test.skipIf(!areThere)(
  "its state is verified against the bucket, which no command empties",
  async () => {
    const env = await cluster();
    await tool(["upload", komatsu], { env });
    const verify = async () => json(await tool(["state", "verify", "-o", "json"], { env }));
    expect(await verify()).toMatchObject({ checked: { uploads: 1, objects: 1 }, problems: [] });
    await tool(["state", "prune", "--older-than", "1ms", "--keep", "0"], { env });
    const cleared = json(await tool(["state", "clear", "--yes", "-o", "json"], { env }));
    expect(cleared).toMatchObject({ objects: 0 });
    expect(await verify()).toMatchObject({ checked: { sightings: 1, objects: 1 }, problems: [] });
  },
);

test.skipIf(!areThere)("what was left embedded never goes to a cluster", async () => {
  const env = await cluster();
  const embedded = { ...env, TU_ANALYZE_CONTEXT: "local" };
  const left = await tool(
    [
      "upload",
      komatsu,
      "--fault",
      "recognition=timeout",
      "--step-timeout",
      "1h",
      "--timeout",
      "3s",
    ],
    { env: embedded },
  );
  expect([left.code, left.stderr]).toEqual([7, expect.stringContaining("accepted as flow")]);
  const there = await tool(["upload", komatsu], { env });
  expect([there.code, there.stderr]).toEqual([0, expect.not.stringContaining("resuming")]);
});

test.skipIf(!areThere)("two pipelines with one state share the work", async () => {
  const env = await cluster();
  await Promise.all([up(env), up(env)]);
  const client = { ...env, TU_ANALYZE_VISION: "" };
  const args = ["upload", komatsu, "-o", "json"];
  const uploads = Array.from({ length: 4 }, () => tool(args, { env: client }));
  for (const result of await Promise.all(uploads))
    expect(json(result)).toMatchObject({ status: "completed" });
});
