import type { Hop } from "../ports/reporter.ts";

type Phase = {
  readonly name: string;
  readonly from: (hop: Hop) => boolean;
  readonly to: (hop: Hop) => boolean;
};

const named =
  (...names: string[]) =>
  ({ name }: Hop) =>
    names.includes(name);
const toOrchestrator =
  (...names: string[]) =>
  (hop: Hop) =>
    names.includes(hop.name) && hop.to === "svc-analysis-orchestrator";

/** Breaks down the time between the first and the last hop. */
const phases: readonly Phase[] = [
  { name: "upload and confirm", from: named("startUpload"), to: named("tu.images.uploaded") },
  { name: "bridge", from: named("tu.images.uploaded"), to: named("tu.image.uploaded") },
  {
    name: "recognition",
    from: named("analysis.recognition.request", "tu.images.uploaded"),
    to: toOrchestrator("recognition.completed", "tu.recognition.completed"),
  },
  {
    name: "comparison",
    from: named("analysis.comparison.request"),
    to: toOrchestrator("comparison.completed"),
  },
  {
    name: "metadata",
    from: named("analysis.metadata.request"),
    to: toOrchestrator("metadata.sorted"),
  },
  {
    name: "completion",
    from: toOrchestrator("metadata.sorted", "tu.recognition.completed"),
    to: named("onAnalysisCompleted", "onAnalysisFailed"),
  },
];

/** Milliseconds per phase, for the phases present in the story. */
export function timingsOf(hops: readonly Hop[]): readonly { name: string; ms: number }[] {
  return phases.flatMap(({ from, name, to }) => {
    const begin = hops.find(from);
    const end = hops.findLast(to);
    return begin === undefined || end === undefined ? [] : [{ name, ms: end.atMs - begin.atMs }];
  });
}
