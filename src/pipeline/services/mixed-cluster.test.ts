import { afterEach, describe, expect, test } from "vitest";
import type { FlowName, ServiceName } from "../contracts/contract.ts";
import { openCluster, truth } from "./mixed-cluster.samples.ts";

// Each of our services among the deployed ones, which send little more than bodies: no headers except on Kafka, no
// ids at all, an object key only where an upload is announced.

type Cluster = Awaited<ReturnType<typeof openCluster>>;
let cluster: Cluster;
afterEach(() => cluster.close());
async function open(flow: FlowName, ...ours: readonly ServiceName[]): Promise<Cluster> {
  cluster = await openCluster(flow, ours);
  return cluster;
}
const only = { exchange: "tu.image.uploaded", result: "tu.recognition.completed" };
const upload = (objectKey: string) => ({
  ...{ uploadId: `upload of ${objectKey}`, objectKey, contentType: "image/png", bytes: 1234 },
  ...{ checksum: `sha256:${"A".repeat(64)}`, occurredAt: "2025-12-03T09:16:02.1180452+00:00" },
});
const pascal = (body: object) =>
  Object.fromEntries(
    Object.entries(body).map(([name, value]) => [
      name.charAt(0).toUpperCase() + name.slice(1),
      value,
    ]),
  );
const result = (brand: string | null) => ({
  provider: { name: "vision", apiVersion: "v1", featureset: ["WebDetection"] },
  aggregate: { brand, type: null, model: null, confidence: 0.9, isConfident: true, name: brand },
});
const completed = (brand: string) => ({
  success: true,
  recognitionPayload: { aggregate: { brand } },
});

describe("our orchestrator behind the deployed bridge", () => {
  test("completes an upload without headers, and marks its link as a guess", async () => {
    const { madeOf, notices, publish, sent } = await open("current", "svc-analysis-orchestrator");
    await publish(only.exchange, upload("a.png"));
    await sent.atLeast(1);
    await publish(only.result, result("Volvo"));
    const [started, end] = await sent.atLeast(2);
    const headers = { "x-correlation-id": madeOf("a.png") };
    expect(started).toMatchObject({
      where: "analysis.started",
      body: { objectKey: "a.png" },
      headers,
    });
    expect(end).toMatchObject({ where: "analysis.completed", body: completed("Volvo"), headers });
    expect(notices.join("\n")).toContain("assigned to the only waiting analysis");
  });

  test("two uploads of one picture are one flow", async () => {
    const { publish, sent } = await open("current", "svc-analysis-orchestrator");
    await publish(only.exchange, upload("a.png"));
    await publish(only.exchange, upload("a.png"));
    await publish(only.exchange, upload("b.png"));
    expect((await sent.atLeast(2)).map(({ body }) => body["objectKey"])).toEqual([
      "a.png",
      "b.png",
    ]);
  });

  test("answers each of several indistinguishable results, as the deployed one does", async () => {
    const { notices, publish, sent, timers } = await open("current", "svc-analysis-orchestrator");
    await publish(only.exchange, upload("a.png"));
    await publish(only.exchange, upload("b.png"));
    await sent.atLeast(2);
    await publish(only.result, result("Volvo"));
    await publish(only.result, result("Volvo"));
    const ends = (await sent.atLeast(4)).slice(2);
    for (const end of ends)
      expect(end).toMatchObject({ where: "analysis.completed", body: completed("Volvo") });
    expect(new Set(ends.map(({ headers }) => headers["x-message-id"])).size).toBe(2);
    expect(notices.join("\n")).toContain("its flow is unknown");
    // The waiting flows may have received that result: to report that none arrived would be false.
    await timers.fireAll();
    const failures = (await sent.atLeast(6)).slice(4);
    for (const failure of failures)
      expect(failure).toMatchObject({
        where: "analysis.failed",
        body: { step: "recognition", code: "E_RESULT_UNATTRIBUTED" },
      });
  });

  test("answers a result that no flow is waiting for", async () => {
    const { publish, sent } = await open("current", "svc-analysis-orchestrator");
    await publish(only.result, result(null));
    const [end] = await sent.atLeast(1);
    expect(end?.body).toEqual({
      success: true,
      recognitionPayload: {
        provider: { ...result(null).provider, maxResults: null },
        aggregate: { ...result(null).aggregate, typeConfidence: null, typeSource: null },
      },
    });
  });
});

describe("our bridge", () => {
  const ours = ["svc-messaging-bridge"] as const;
  test.each([[{ key: "a.png", flowId: "f1" }], [{ key: "a.png" }], [{ key: "" }]])(
    "carries an upload with %j on, with its flow and its key",
    async (given: { key: string; flowId?: string }) => {
      const { append, madeOf, sent } = await open("current", ...ours);
      await append("tu.images.uploaded", pascal(upload("a.png")), given);
      const [bridged] = await sent.atLeast(1);
      expect(bridged).toMatchObject({
        where: "tu.image.uploaded",
        key: "a.png",
        body: upload("a.png"),
      });
      expect(bridged?.headers["x-correlation-id"]).toBe(given.flowId ?? madeOf("a.png"));
    },
  );

  test("marks a result as having no flow, and our orchestrator still answers it", async () => {
    const { append, sent } = await open("current", ...ours, "svc-analysis-orchestrator");
    const { aggregate, provider } = result("Volvo");
    await append("tu.recognition.completed", {
      provider,
      aggregate: { ...aggregate, type: undefined },
    });
    const all = await sent.atLeast(3);
    expect(all.find(({ where }) => where === "tu.recognition.completed")?.headers).toMatchObject({
      "x-flow-link": "none",
    });
    expect(all.find(({ where }) => where === "analysis.completed")?.body).toMatchObject(
      completed("Volvo"),
    );
  });

  test("keeps the key of a result of the deployed adapter for our orchestrator", async () => {
    const { append, sent } = await open("current", ...ours, "svc-analysis-orchestrator");
    for (const key of ["a.png", "b.png"])
      await append("tu.images.uploaded", pascal(upload(key)), { key, flowId: `flow of ${key}` });
    await sent.atLeast(4);
    const { aggregate, provider } = result("Volvo");
    const body = { provider, aggregate: { ...aggregate, machineType: "Excavator" } };
    await append("tu.recognition.completed", body, { key: "b.png" });
    const end = (await sent.atLeast(7)).find(({ where }) => where === "analysis.completed");
    expect(end?.headers["x-correlation-id"]).toBe("flow of b.png");
    expect(end?.body).toMatchObject({ recognitionPayload: { aggregate: { type: "Excavator" } } });
  });
});

describe("our vision adapter", () => {
  test.each([[{ ObjectKey: "a.png" }], [pascal(upload("a.png"))]])(
    "recognises the picture of %j, whatever the client claimed",
    async (body) => {
      const { append, sent } = await open("current", "svc-ai-vision-adapter");
      await append("tu.images.uploaded", body, { key: "a.png", flowId: "f1" });
      const [recognised] = await sent.atLeast(1);
      expect(recognised).toMatchObject({
        ...{ where: "kafka tu.recognition.completed", key: "a.png" },
        body: { aggregate: { brand: "Komatsu", machineType: "Excavator" } },
      });
      expect(recognised?.headers["x-correlation-id"]).toBe("f1");
    },
  );

  test("its result is matched by content behind the deployed bridge, among other waiting flows", async () => {
    const ours = ["svc-ai-vision-adapter", "svc-analysis-orchestrator"] as const;
    const { append, notices, publish, sent } = await open("current", ...ours);
    await append("tu.images.uploaded", pascal(upload("a.png")), { key: "a.png", flowId: "f1" });
    const [recognised] = await sent.atLeast(1);
    for (const key of ["a.png", "b.png"]) await publish(only.exchange, upload(key));
    await sent.atLeast(3);
    const { aggregate, provider } = (recognised?.body ?? {}) as Record<string, unknown>;
    await publish(only.result, { provider, aggregate: { ...(aggregate as object), type: null } });
    const end = (await sent.atLeast(4)).find(({ where }) => where === "analysis.completed");
    expect(end?.headers["x-correlation-id"]).toBe("f1");
    expect(notices).toEqual([]);
  });
});

describe("our gateway behind the deployed orchestrator", () => {
  test("informs its clients of every start and end", async () => {
    const { madeOf, publish, told } = await open("current", "graph-gateway");
    await publish("analysis.started", { objectKey: "a.png" });
    await publish("analysis.completed", completedBody("Volvo"));
    await publish("analysis.completed", completedBody("Volvo"));
    await publish("analysis.completed", { success: true });
    const heard = await told.atLeast(4);
    const started = heard.filter(({ name }) => name === "analysis.started");
    expect(started).toMatchObject([{ flowId: madeOf("a.png"), payload: { objectKey: "a.png" } }]);
    expect(new Set(heard.map(({ id }) => id)).size).toBe(4);
  });

  test("tells a client of its own under the name that it was given", async () => {
    const { links, notices, publish, told } = await open("current", "graph-gateway");
    links.named({ flowId: "f1", subject: "a.png" });
    await publish("analysis.started", { objectKey: "a.png" });
    await publish("analysis.completed", completedBody("Volvo"));
    const heard = await told.atLeast(2);
    expect(new Set(heard.map(({ flowId }) => flowId))).toEqual(new Set(["f1"]));
    expect(notices.join("\n")).toContain("assigned to the only waiting analysis");
  });

  test("no longer waits for an upload that was refused", async () => {
    const { links, publish, told } = await open("current", "graph-gateway");
    for (const flowId of ["f1", "f2"]) links.named({ flowId, subject: `${flowId}.png` });
    links.giveUp("f1");
    await publish("analysis.completed", completedBody("Volvo"));
    expect((await told.atLeast(1))[0]?.flowId).toBe("f2");
  });

  test("a name that was given later, behind the bridge, does not replace its own", async () => {
    const { links, publish, told } = await open("current", "graph-gateway");
    links.named({ flowId: "f1", subject: "a.png" });
    await publish("analysis.started", { objectKey: "a.png" }, { "x-correlation-id": "other" });
    expect((await told.atLeast(1))[0]?.flowId).toBe("f1");
  });
  const completedBody = (brand: string) => ({ success: true, recognitionPayload: result(brand) });
});

test("flow full takes an upload that carries only its key through every step", async () => {
  const { publish, sent } = await open(
    ...(["full", "svc-analysis-orchestrator", "svc-ai-vision-adapter"] as const),
    ...(["comparison-service", "metadata-service"] as const),
  );
  await publish("tu.image.uploaded", { objectKey: "a.png", bytes: 0, checksum: null });
  const [, end] = await sent.atLeast(2);
  expect(end).toMatchObject({
    where: "analysis.completed",
    body: { objectKey: "a.png", comparison: { verdict: "new", checksum: truth.checksum } },
  });
});
