import { expect, test } from "vitest";
import { type ErrorCode, TuError } from "../errors.ts";
import type { Message } from "../message.ts";
import { createVisionAdapter } from "../services/vision-adapter.ts";
import { stepHandler } from "./analysis-step.ts";

const command: Message = {
  id: "m-1",
  name: "analysis.comparison.request",
  kind: "command",
  flowId: "f-1",
  causationId: null,
  subject: "images/a.png",
  occurredAt: "2026-01-01T00:00:00.000Z",
  producer: "test",
  schema: "analysis.comparison.request.v1",
  headers: { "x-attempt": "1", "x-attempts": "3" },
  payload: {},
};

function failing(code: ErrorCode) {
  const names = { completed: "comparison.completed", failed: "comparison.failed" };
  const work = async () => {
    throw new TuError(code, "not now");
  };
  return stepHandler({ name: "comparison", ...names, work })(command, new AbortController().signal);
}

test.each(["E_STATE_BUSY", "E_STATE_FULL"] as const)(
  "a store of ours that is in trouble (%s) takes no attempt: the command comes again",
  async (code) => {
    await expect(failing(code)).rejects.toMatchObject({ code });
  },
);

test("the same in flow current, where no command is sent", async () => {
  const work = async () => {
    throw new TuError("E_STATE_BUSY", "not now");
  };
  const backoff = { type: "fixed", initial_delay: "1s", max_delay: "1s", jitter: 0 } as const;
  const retry = { max_attempts: 3, backoff };
  const { handlers } = createVisionAdapter({ flow: "current", work, retry, atOnce: 1 });
  const upload = { ...command, name: "tu.images.uploaded", kind: "event" } as const;
  const handling = handlers[upload.name]?.(upload, new AbortController().signal);
  await expect(handling).rejects.toMatchObject({ code: "E_STATE_BUSY" });
});

test("a call that gets no answer takes an attempt", async () => {
  const { outgoing } = await failing("E_SERVICE_UNAVAILABLE");
  expect(outgoing).toMatchObject([
    { name: "comparison.failed", payload: { code: "E_SERVICE_UNAVAILABLE", retryable: true } },
  ]);
});
