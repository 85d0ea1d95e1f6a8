import { expect, test } from "vitest";
import { sampleHop } from "../trace/hop.samples.ts";
import { timingsOf } from "./timings.ts";

const at = (atMs: number, name: string, to = "anybody") => sampleHop({ atMs, name, to });
const orchestrator = "svc-analysis-orchestrator";

test("of flow full every phase has its time, from its first hop to its last", () => {
  const timings = timingsOf([
    at(0, "startUpload"),
    at(10, "tu.images.uploaded"),
    at(12, "tu.image.uploaded"),
    at(13, "analysis.recognition.request"),
    at(50, "analysis.recognition.request"),
    at(100, "recognition.completed", "graph-gateway"),
    at(113, "recognition.completed", orchestrator),
    at(114, "analysis.comparison.request"),
    at(120, "comparison.completed", orchestrator),
    at(121, "analysis.metadata.request"),
    at(125, "metadata.sorted", orchestrator),
    at(130, "onAnalysisCompleted"),
  ]);
  expect(timings).toEqual([
    { name: "upload and confirm", ms: 10 },
    { name: "bridge", ms: 2 },
    { name: "recognition", ms: 103 },
    { name: "comparison", ms: 6 },
    { name: "metadata", ms: 4 },
    { name: "completion", ms: 5 },
  ]);
});

test("a phase that began and did not end has none", () => {
  expect(timingsOf([at(0, "startUpload"), at(4, "analysis.comparison.request")])).toEqual([]);
});
