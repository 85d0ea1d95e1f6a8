import { describe, expect, test } from "vitest";
import { flowNamed } from "../flows/flow.ts";
import type { Hop } from "../ports/reporter.ts";
import { firstMissing } from "./story.ts";
import { stuckText } from "./stuck.ts";

const flow = flowNamed("current");
const all: readonly Hop[] = flow.hops.map((hop, index) => ({
  // The flow's own transports.
  ...(hop as Pick<Hop, "name" | "transport" | "from" | "to">),
  ...{ kind: "event", flowId: "f", messageId: String(index), causationId: null },
  note: null,
  atMs: index,
}));
const theirs = (...services: readonly string[]) => ({
  runsHere: (service: string) => !services.includes(service),
  missingIn: firstMissing,
});
/** What we saw before the first hop of that name. */
const until = (name: string) =>
  all.slice(
    0,
    all.findIndex((hop) => hop.name === name),
  );
const to = (...services: readonly string[]) => all.filter((hop) => services.includes(hop.to));

describe("where a flow is stuck", () => {
  test("is before its first missing hop, where all services run here", () => {
    expect(stuckText(flow, until("analysis.started"), theirs())).toBe(
      "stuck before analysis.started (svc-analysis-orchestrator → graph-gateway)",
    );
    expect(stuckText(flow, all, theirs())).toBe("every hop was seen, but not the end");
  });

  test("is not before a hop that nobody here could see", () => {
    const seen = to("client", "graph-gateway", "tu-ingestion-service", "svc-messaging-bridge")
      .filter(({ name }) => name === "tu.images.uploaded" || name === "analysis.started")
      .concat(until("tu.images.uploaded"));
    const place = theirs("svc-analysis-orchestrator", "svc-ai-vision-adapter");
    expect(stuckText(flow, seen, place)).toBe(
      "stuck before tu.recognition.completed (svc-ai-vision-adapter → svc-messaging-bridge), waiting for svc-ai-vision-adapter, which runs elsewhere",
    );
  });

  test("names every service elsewhere that may be the one", () => {
    const place = theirs(...flow.hops.map((hop) => hop.to).filter((to) => to !== "graph-gateway"));
    const seen = all.filter(({ name }) => name === "startUpload" || name === "confirmUpload");
    const put = all.filter(({ name }) => name === "PUT object");
    expect(stuckText(flow, [...seen, ...put], place)).toBe(
      "stuck before analysis.started (svc-analysis-orchestrator → graph-gateway), waiting for svc-messaging-bridge or svc-analysis-orchestrator, which run elsewhere",
    );
  });

  test("does not wait for a call between services elsewhere, which has no flow", () => {
    const http = ["POST /internal/v0/media/get-url", "POST /internal/v1/storage/presign-get"];
    const seen = all.filter(({ name }) => !http.includes(name)).slice(0, -3);
    const place = theirs("tu-media-access-service");
    expect(stuckText(flow, seen, place)).toContain("stuck before tu.recognition.completed (svc-m");
  });
});
