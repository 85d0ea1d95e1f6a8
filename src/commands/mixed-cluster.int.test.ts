import { describe, expect, test } from "vitest";
import { type DeployedService, deployedServices } from "../adapters/testing/deployed/deployed.ts";
import { areServersOurs, type Cluster, openMixedCluster } from "./mixed-cluster.samples.ts";
import { createReferenceClient } from "./reference-client.samples.ts";
import { image, json, jsonLines } from "./run-tool.samples.ts";

// Each of our services in place of each deployed one, and each deployed one in place of ours: in flow current, as
// processes, on real Kafka, RabbitMQ and S3.

const komatsu = image("komatsu-pc200.jpg");

type End = {
  readonly data: {
    readonly onAnalysisCompleted: {
      readonly success: boolean;
      readonly recognitionPayload: { readonly aggregate: Readonly<Record<string, unknown>> };
    };
  };
};
const aggregateOf = (end: unknown) =>
  (end as End).data.onAnalysisCompleted.recognitionPayload.aggregate; // as the client asked
const startedOf = (objectKey: string) => ({ data: { onAnalysisStarted: { objectKey } } });

const without = (...services: readonly DeployedService[]) =>
  deployedServices.filter((name) => !services.includes(name));

/** Two uploads at the same time; every client is told of everybody's. Resolves with the results. */
async function uploadTwo({
  gatewayUrl,
}: Cluster): Promise<readonly ReturnType<typeof aggregateOf>[]> {
  const client = createReferenceClient(gatewayUrl);
  const { completed, started } = await client.subscribe();
  const keys = await Promise.all([client.upload(), client.upload()]);
  const told = await started.atLeast(2);
  expect(new Set(told)).toEqual(new Set(keys.map(startedOf)));
  return (await completed.atLeast(2)).map(aggregateOf);
}

/** Nothing that only a bug of ours could say. */
const expectNoBugs = ({ logged }: Cluster) =>
  expect(logged("ours")).not.toMatch(/E_BUG|Warning|TypeError/);

describe.skipIf(!areServersOurs)("in a mixed cluster", () => {
  test.each(deployedServices)(
    "with %s as the only one of ours, every upload of the deployed client ends",
    async (ours) => {
      const cluster = await openMixedCluster([ours]);
      for (const aggregate of await uploadTwo(cluster)) {
        const isRead = ours === "svc-ai-vision-adapter";
        expect(aggregate["brand"]).toBe(isRead ? "Komatsu" : "Hitachi");
        // The deployed bridge loses it.
        expect(aggregate["type"]).toBe(ours === "svc-messaging-bridge" ? "Excavator" : null);
      }
      expectNoBugs(cluster);
    },
  );

  test("with graph-gateway as the only one of ours, upload follows its analysis", async () => {
    const cluster = await openMixedCluster(["graph-gateway"]);
    const uploaded = await cluster.tool("upload", komatsu, "-o", "json");
    expect(json(uploaded)).toMatchObject({
      status: "completed",
      result: { recognition: { aggregate: { brand: "Hitachi", type: null } } },
    });
    expectNoBugs(cluster);
  });

  test("with graph-gateway as the only deployed one, every upload of the deployed client ends", async () => {
    const cluster = await openMixedCluster(without("graph-gateway"));
    for (const aggregate of await uploadTwo(cluster))
      expect(aggregate).toMatchObject({ brand: "Komatsu", type: "Excavator" });
    expectNoBugs(cluster);
  });

  test.each(without("graph-gateway"))(
    "with %s as the only deployed one, every upload ends",
    async (theirs) => {
      const cluster = await openMixedCluster(without(theirs));
      const uploaded = await cluster.tool("upload", komatsu, komatsu, "-o", "jsonl");
      const brand = theirs === "svc-ai-vision-adapter" ? "Hitachi" : "Komatsu";
      const type = theirs === "svc-messaging-bridge" ? null : "Excavator";
      const result = { recognition: { aggregate: { brand, type } } };
      expect(jsonLines(uploaded)).toMatchObject([
        { status: "completed", result },
        { status: "completed", result },
      ]);
      expect(uploaded.code).toBe(0);
      expectNoBugs(cluster);
    },
  );
});

/** Far more than anything here takes. */
const deadline = ["--timeout", "10s"];

describe.skipIf(!areServersOurs)("where a deployed service fails silently", () => {
  test("our orchestrator ends the analysis, naming the step that did not answer", async () => {
    const cluster = await openMixedCluster(without("svc-ai-vision-adapter"), {
      faults: ["vision-fails"],
      args: ["--step-timeout", "2s"],
    });
    const uploaded = await cluster.tool("upload", komatsu, "-o", "json");
    expect(cluster.logged("theirs")).toContain("svc-ai-vision-adapter: Error: Vision");
    expect(uploaded.code).toBe(1);
    expect(json(uploaded)).toMatchObject({
      status: "failed",
      failure: {
        ...{ step: "recognition", code: "E_STEP_TIMEOUT" },
        reason: "svc-ai-vision-adapter did not answer within 2s",
      },
    });
    expectNoBugs(cluster);
  });

  test.each([
    [
      "svc-ai-vision-adapter",
      "stuck before tu.recognition.completed (svc-ai-vision-adapter → svc-messaging-bridge)",
      { faults: ["vision-fails"], theirs: ["svc-ai-vision-adapter", "svc-analysis-orchestrator"] },
    ],
    [
      "svc-analysis-orchestrator",
      "stuck before analysis.started (svc-analysis-orchestrator → graph-gateway)",
      { faults: ["workers-dead"], theirs: ["svc-analysis-orchestrator"] },
    ],
  ] as const)("upload says that it waits for %s", async (awaited, where, { faults, theirs }) => {
    const cluster = await openMixedCluster(without(...theirs), { faults });
    const uploaded = await cluster.tool("upload", komatsu, "-o", "json", ...deadline);
    expect([uploaded.code, json(uploaded)]).toMatchObject([
      7,
      {
        code: "E_DEADLINE",
        message: expect.stringContaining(`${where}, waiting for ${awaited}, which runs elsewhere`),
      },
    ]);
    expectNoBugs(cluster);
  });

  test("a body that is not JSON ends the deployed bridge; ours parks it, and upload says whom it waits for", async () => {
    const cluster = await openMixedCluster(without("svc-messaging-bridge"));
    await cluster.append("tu.images.uploaded", "{");
    await cluster.untilLogged("theirs", "svc-messaging-bridge: stopped");
    await cluster.untilLogged("ours", "svc-ai-vision-adapter parked tu.images.uploaded");
    const uploaded = await cluster.tool("upload", komatsu, "-o", "json", ...deadline);
    expect(json(uploaded)["message"]).toContain(
      "stuck before tu.image.uploaded (svc-messaging-bridge → svc-analysis-orchestrator), waiting for svc-messaging-bridge",
    );
    expectNoBugs(cluster);
  });

  test("our bridge outlives it, and parks it", async () => {
    const cluster = await openMixedCluster(["svc-messaging-bridge"]);
    for (const topic of ["tu.images.uploaded", "tu.recognition.completed"])
      await cluster.append(topic, "{");
    await cluster.untilLogged("ours", "svc-messaging-bridge parked tu.images.uploaded");
    await cluster.untilLogged("ours", "svc-messaging-bridge parked tu.recognition.completed");
    expect(await uploadTwo(cluster)).toHaveLength(2);
    expect(await cluster.waitingIn("tu.dead-letters")).toBe(0); // it came from Kafka, and is parked there
    expectNoBugs(cluster);
  });

  test("our orchestrator parks what the deployed one discards", async () => {
    const cluster = await openMixedCluster(["svc-analysis-orchestrator"]);
    await cluster.publish("orchestrator.image-uploaded", "null");
    await cluster.publish("orchestrator.recognition-completed", "{");
    await cluster.untilLogged("ours", "parked tu.image.uploaded");
    await cluster.untilLogged("ours", "parked tu.recognition.completed");
    expect(await uploadTwo(cluster)).toHaveLength(2);
    expect(await cluster.waitingIn("tu.dead-letters")).toBe(2);
    expectNoBugs(cluster);
  });
});

describe.skipIf(!areServersOurs)("as the deployed services behave", () => {
  test("an analysis whose result overtakes its upload ends", async () => {
    const theirs = ["svc-messaging-bridge"] as const;
    const cluster = await openMixedCluster(without(...theirs), { faults: ["started-late"] });
    const uploaded = await cluster.tool("upload", komatsu, "-o", "json");
    expect(json(uploaded)["status"]).toBe("completed");
    expectNoBugs(cluster);
  });

  test("our media access answers where the newest deployed adapter asks", async () => {
    const cluster = await openMixedCluster(["tu-media-access-service"], {
      faults: ["bare-get-url"],
    });
    expect(await uploadTwo(cluster)).toHaveLength(2);
    expectNoBugs(cluster);
  });

  test("an upload that is confirmed twice is announced twice, and our orchestrator starts it once", async () => {
    const cluster = await openMixedCluster(["svc-analysis-orchestrator"]);
    const client = createReferenceClient(cluster.gatewayUrl);
    const { completed, started } = await client.subscribe();
    const { key, uploadId } = await client.putPicture();
    for (const _ of [1, 2])
      expect((await client.confirm(uploadId)).data).toEqual({
        confirmUpload: { status: "Accepted" },
      });
    expect(await completed.atLeast(2)).toHaveLength(2);
    expect(started.items).toEqual([startedOf(key)]);
    expectNoBugs(cluster);
  });

  test("an upload that was never stored is announced, and our services end its analysis", async () => {
    const theirs = ["tu-ingestion-service", "tu-storage-service"] as const;
    const cluster = await openMixedCluster(without(...theirs));
    const failed = await cluster.watch("analysis.failed");
    const started = await start(cluster.ingestionUrl);
    const confirmed = await call(`${cluster.ingestionUrl}/v1/uploads/confirm`, {
      ...{ uploadId: started["uploadId"], bytes: 1234, checksum: `sha256:${"a".repeat(64)}` },
    });
    expect(confirmed).toEqual({ status: "Accepted" });
    expect(await failed.atLeast(1)).toMatchObject([
      {
        objectKey: started["key"],
        step: "recognition",
        reason: `there is no object ${started["key"]}`,
      },
    ]);
    expectNoBugs(cluster);
  });
});

const start = (ingestionUrl: string) =>
  call(`${ingestionUrl}/v1/uploads/start`, { filename: "a.png", contentType: "image/png" });

async function call(url: string, body: object): Promise<Record<string, unknown>> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
  return (await response.json()) as Record<string, unknown>; // the service's
}
