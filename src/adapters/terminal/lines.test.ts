import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { TuError } from "../../pipeline/errors.ts";
import type { Hop } from "../../pipeline/ports/reporter.ts";
import { hopLines, waitingText } from "./hop-line.ts";
import { reportLines, type ShownReport } from "./report-lines.ts";
import { createPaint, printable } from "./text.ts";
import { widthOf } from "./width.ts";

const plain = createPaint(false);
const wide = { paint: plain, width: Number.POSITIVE_INFINITY };
const hopLine = (shown: Hop, sinceMs: number, _paint = plain) =>
  hopLines(shown, sinceMs, wide).join("\n");
const hop: Hop = {
  flowId: "f",
  name: "analysis.started",
  kind: "event",
  transport: "rabbitmq",
  from: "svc-analysis-orchestrator",
  to: "graph-gateway",
  atMs: 0,
  messageId: null,
  causationId: null,
  note: null,
};
// biome-ignore lint/suspicious/noControlCharactersInRegex: what must not reach a terminal
const control = /[\u0000-\u001f\u007f-\u009f]/;

test("the line that waits says for whom", () => {
  const after = (values: Partial<Hop>) => waitingText({ ...hop, ...values });
  expect(after({})).toBe("waiting for graph-gateway");
  const fetched = { name: "GET object", to: "object-store", kind: "request" } as const;
  expect(after({ ...fetched, from: "svc-ai-vision-adapter" })).toBe(
    "waiting for svc-ai-vision-adapter",
  );
  expect(after({ ...fetched, name: "PUT object", from: "client" })).toBe(
    "waiting for object-store",
  );
  const told = { name: "onAnalysisCompleted", from: "graph-gateway", to: "client" };
  expect(after(told)).toBe("collecting the result");
  expect(after({ kind: "write", to: "machines" })).toBe("collecting the result");
  expect(after({ to: "a\u001b[31m" })).toBe("waiting for a\\u001b[31m");
});

test("no text gets a control character through", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(printable(text)).not.toMatch(control);
    }),
  );
  expect(printable("a\u001b[31mb\u202ec")).toBe("a\\u001b[31mb\\u202ec");
});

test("every control character, and every one that turns the direction, is shown as its code", () => {
  const ranges = [
    [0x00, 0x1f],
    [0x7f, 0x9f],
    [0x200e, 0x200f],
    [0x2028, 0x202e],
    [0x2066, 0x2069],
  ] as const;
  for (const [first, last] of ranges)
    for (let code = first; code <= last; code += 1)
      expect(printable(`<${String.fromCharCode(code)}>`)).toBe(
        `<\\u${code.toString(16).padStart(4, "0")}>`,
      );
  for (const text of [" ~", "\u00a0ÿ", "\u200d\u2010", "\u2027\u202f", "\u2065\u206a"])
    expect(printable(text)).toBe(text);
});

describe("a hop's line", () => {
  test("has time, name, transport and both ends in columns", () => {
    expect(hopLine(hop, 85, plain)).toBe(
      "  +0.085s · analysis.started                       rabbitmq   svc-analysis-orchestrator → graph-gateway",
    );
  });
  test("marks failures and retries without colour too", () => {
    expect(
      hopLine({ ...hop, name: "recognition.failed", note: "attempt 1/3: E_X: y" }, 0, plain),
    ).toContain("✖");
    expect(hopLine({ ...hop, note: "attempt 2/3" }, 0, plain)).toContain("↻");
  });
  test("is data, whatever is in it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(
          hopLine({ ...hop, name: text, from: text, to: text, note: text }, 0, plain),
        ).not.toMatch(control);
      }),
    );
  });
});

describe("hops on a terminal", () => {
  const longest: Hop = {
    ...hop,
    name: "POST /internal/v1/storage/presign-put",
    from: "svc-ai-vision-adapter",
    to: "svc-analysis-orchestrator",
    note: "attempt 2/3 after 200 ms: E_FAULT_INJECTED: --fault recognition=fail 機械 🚜",
  };

  test("take one line at 120 and 80 columns, and two at 40", () => {
    const at = (width: number) => hopLines(longest, 12_345, { paint: plain, width });
    expect(at(120)).toHaveLength(1);
    expect(at(120)[0]).toContain("rabbitmq   svc-ai-vision-adapter → svc-analysis-orchestrator");
    expect(at(80)).toHaveLength(1);
    expect(at(80)[0]).toContain("ai-vision-adapter → analysis-orchestrator");
    expect(at(40)).toHaveLength(2);
  });

  test("fit at every width, whatever is in them, in columns and not in characters", () => {
    const text = fc.string({ unit: "grapheme" });
    fc.assert(
      fc.property(text, text, text, fc.integer({ min: 20, max: 200 }), (name, to, note, width) => {
        const told = { ...longest, name: `${name}機械🚜`, to: `${to}機械`, note };
        for (const line of hopLines(told, 1, { paint: plain, width }))
          expect(widthOf(line)).toBeLessThanOrEqual(width);
      }),
    );
  });
});

const volvoL120h = {
  brand: "Volvo",
  type: "Wheel Loader",
  model: "L120H",
  confidence: 0.91,
  isConfident: true,
  typeConfidence: 0.91,
  typeSource: "model",
  name: "Volvo L120H",
};

describe("the end of a story", () => {
  const report: ShownReport = {
    status: "completed",
    flowId: "f",
    durationMs: 1234,
    result: {
      recognition: {
        provider: { name: "local", apiVersion: null, featureset: [], maxResults: null },
        aggregate: volvoL120h,
      },
      comparison: null,
      metadata: null,
      machine: null,
    },
  };
  test("names the machine and how sure", () => {
    expect(reportLines(report, wide).join("\n")).toContain(
      "Volvo · L120H · Wheel Loader  confidence 0.91",
    );
  });
  test("says when nothing was recognised", () => {
    const unknown = { brand: null, type: null, model: null, confidence: 0, isConfident: false };
    const { recognition } = report.result;
    if (recognition === null) throw new Error("the sample has a recognition");
    const lines = reportLines(
      {
        ...report,
        result: {
          ...report.result,
          recognition: { ...recognition, aggregate: { ...volvoL120h, ...unknown } },
          comparison: { objectKey: "images/1", verdict: "new", matches: [] },
        },
      },
      wide,
    );
    expect(lines.join("\n")).not.toContain("verdict");
    expect(lines.join("\n")).toContain("no machine recognised  confidence 0.00 (low)");
  });
  test("a failure names step, attempts, code and reason", () => {
    const failure = {
      step: "metadata",
      code: "E_X",
      reason: "why",
      attempt: 2,
      attempts: 3,
      retryable: false,
    };
    expect(reportLines({ ...report, failure }, wide).join("\n")).toMatch(
      /failed at metadata after 2 of 3 attempts[\s\S]*E_X: why/,
    );
  });
  test.each([
    "E_CASSETTE_MISSING",
    "E_VISION_CREDENTIALS",
    "E_VISION_QUOTA",
    "E_VISION_BUDGET",
  ] as const)("a failure with %s says what can be done, as the error of that code does", (code) => {
    const failure = {
      step: "recognition",
      code,
      reason: "why",
      attempt: 1,
      attempts: 3,
      retryable: false,
    };
    const { hint = "none" } = new TuError(code, "why");
    expect(reportLines({ ...report, failure }, wide)).toContain(`  hint: ${hint}`);
  });
});
