import { expect, test } from "vitest";
import { areThere, servers } from "./real-servers.samples.ts";
import {
  image,
  json,
  jsonLines,
  komatsuAnswer,
  replaying,
  temporaryDirectory,
  tool,
} from "./run-tool.samples.ts";

// Looking at real Kafka and RabbitMQ, on which others work: no service there is ours, and none helps.

async function observer() {
  const answers = await replaying({ "komatsu-pc200.jpg": await komatsuAnswer() });
  const common = { ...servers, ...answers, TU_ANALYZE_CONTEXT: "env" };
  const [here, there] = [await temporaryDirectory(), await temporaryDirectory()];
  return {
    /** Ours, which only looks. */
    look: (...args: readonly string[]) =>
      tool(args, { env: { ...common, TU_ANALYZE_STATE_DIR: here } }),
    /** Somebody else, with a state of their own. */
    other: (...args: readonly string[]) =>
      tool(args, { env: { ...common, TU_ANALYZE_STATE_DIR: there } }),
  };
}

test.runIf(areThere)("a flow of others is followed as it happens, and kept", async () => {
  const { look, other } = await observer();
  const until = ["-n", "1", "--where", "name=analysis.completed to=graph-gateway"];
  let isLooking = false;
  const following = look("trace", "--follow", ...until, "-o", "jsonl").finally(() => {
    isLooking = true;
  });
  // It looks from some moment on: uploads go on until one was seen from its end.
  let uploaded: Record<string, unknown> = {};
  while (!isLooking)
    uploaded = json(await other("upload", image("komatsu-pc200.jpg"), "-o", "json"));
  expect(uploaded).toMatchObject({ status: "completed" });
  const [end] = jsonLines(await following);
  expect(end).toMatchObject({ name: "analysis.completed", transport: "rabbitmq" });
  const trace = json(await look("trace", String(end?.["flowId"]), "-o", "json"));
  expect(trace).toMatchObject({ context: "env", verdict: { state: "complete" } });
  expect(json(await look("flows", "-o", "json"))).toMatchObject({ context: "env" });
});

test.runIf(areThere)("where nobody takes a message, it is named, with its queue", async () => {
  const { look } = await observer();
  const args = ["--set", "objectKey=images/nobody.jpg", "--wait", "--timeout", "15s"];
  const sent = await look("publish", "tu.images.uploaded", ...args);
  expect(sent.code).toBe(7);
  expect(sent.stderr).toContain("publishing to env (kafka ");
  expect(sent.stderr).toMatch(/stuck before tu\.image\.uploaded|tu\.image\.uploaded .* is next/);
  expect(sent.stderr).toContain("svc-messaging-bridge → svc-analysis-orchestrator");
});
