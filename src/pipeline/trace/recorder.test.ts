import { expect, test } from "vitest";
import type { Hop } from "../ports/reporter.ts";
import { sampleHop } from "./hop.samples.ts";
import { createRecorder } from "./recorder.ts";

function recording() {
  const passed: Hop[] = [];
  const notices: object[] = [];
  const recorder = createRecorder({
    hop: (hop) => void passed.push(hop),
    notice: (notice) => void notices.push(notice),
  });
  return { recorder, passed, notices };
}

test("everything is passed on, and hops are remembered by flow", () => {
  const { notices, passed, recorder } = recording();
  const [a, b, other] = [
    sampleHop({ messageId: "a" }),
    sampleHop({ messageId: "b" }),
    sampleHop({ flowId: "g" }),
  ];
  for (const hop of [a, other, b]) recorder.hop(hop);
  recorder.notice({ code: "parked", message: "m", flowId: "f" });
  expect(passed).toEqual([a, other, b]);
  expect(notices).toHaveLength(1);
  expect(recorder.hopsOf("f")).toEqual([a, b]);
  expect(recorder.hopsOf("unheard of")).toEqual([]);
});

test("a hop that is waited for may have come, or comes later, once for each who waits", async () => {
  const { recorder } = recording();
  const isWrite = ({ kind }: Hop) => kind === "write";
  const [first, second] = [recorder.until("f", isWrite), recorder.until("f", isWrite)];
  recorder.hop(sampleHop());
  recorder.hop(sampleHop({ flowId: "g", kind: "write" }));
  const write = sampleHop({ kind: "write" });
  recorder.hop(write);
  expect(await Promise.all([first, second])).toEqual([write, write]);
  recorder.hop(sampleHop({ kind: "write", messageId: "later" }));
  expect(await recorder.until("f", isWrite)).toBe(write);
});

test("of a forgotten flow nothing is known, and what comes later is a new beginning", () => {
  const { recorder } = recording();
  recorder.hop(sampleHop({ messageId: "a" }));
  recorder.forget("f");
  expect(recorder.hopsOf("f")).toEqual([]);
  const late = sampleHop({ messageId: "b" });
  recorder.hop(late);
  expect(recorder.hopsOf("f")).toEqual([late]);
});
