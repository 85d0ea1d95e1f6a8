import type { Hop } from "../ports/reporter.ts";

export const sampleHop = (values: Partial<Hop> = {}): Hop => ({
  flowId: "f",
  name: "analysis.started",
  kind: "event",
  transport: "rabbitmq",
  from: "svc-analysis-orchestrator",
  to: "graph-gateway",
  atMs: 1_000,
  messageId: "m",
  causationId: null,
  note: null,
  ...values,
});
