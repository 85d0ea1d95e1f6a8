import { afterEach, expect, test, vi } from "vitest";
import { createPaint } from "../adapters/terminal/text.ts";
import { TuError } from "../pipeline/errors.ts";
import { createBatchScreen } from "./upload-batch-screen.ts";

afterEach(() => vi.restoreAllMocks());

const hop = (flowId: string, to: string) => ({
  ...({ flowId, name: "analysis.started", kind: "event", transport: "rabbitmq" } as const),
  ...{ from: "svc-analysis-orchestrator", to, atMs: 0 },
  ...{ messageId: null, causationId: null, note: null },
});

test("the waiting line tells of every image that runs, and of none that has ended", () => {
  vi.spyOn(process.stdout, "write").mockReturnValue(true);
  const said: string[] = [];
  const waiting = { say: (text: string) => void said.push(text), clear: () => undefined };
  const screen = createBatchScreen(["a.jpg", "b.jpg", "c.jpg"], {
    paint: createPaint(false),
    aside: { notice: () => undefined, waiting: { ...waiting, close: () => undefined } },
    isVerbose: false,
  });
  screen.started("one", 0);
  screen.started("two", 1);
  screen.reporter.hop(hop("one", "graph-gateway"));
  expect(said.at(-1)).toMatch(/^1\/3 a\.jpg {2}\S.* {3}2\/3 b\.jpg {2}waiting$/);
  screen.outcome({ type: "error", file: "b.jpg", error: new TuError("E_DEADLINE", "late") }, 1);
  expect(said.at(-1)).toMatch(/^1\/3 a\.jpg {2}\S/);
  screen.reporter.hop(hop("two", "graph-gateway"));
  expect(said.at(-1)).not.toContain("b.jpg");
  screen.outcome({ type: "error", file: "a.jpg", error: new TuError("E_DEADLINE", "late") }, 0);
  expect(said.at(-1)).toBe("");
});
