import type { Message } from "../message.ts";
import { type Definition, readDefinition } from "./definition.ts";

// Small definitions and messages for the tests of the engine.

const events = {
  started: { name: "run.started", payload: { subject: "${input.subject}" } },
  completed: { name: "run.completed", payload: { a: "${steps.a.output.value}" } },
  failed: { name: "run.failed", payload: { step: "${error.step}", code: "${error.code}" } },
};

export function stepNamed(id: string, more: Record<string, unknown> = {}) {
  return {
    id,
    service: `service-${id}`,
    action: `${id}.request`,
    reply: { completed: `${id}.completed`, failed: `${id}.failed` },
    timeout: "10s",
    retry: {
      max_attempts: 2,
      backoff: { type: "fixed", initial_delay: "1s", max_delay: "1s", jitter: 0 },
    },
    ...more,
  };
}

export function definitionOf(...steps: readonly Record<string, unknown>[]): Definition {
  return readDefinition({
    id: "sample",
    version: "1",
    trigger: { event: "run.requested" },
    steps,
    events,
  });
}

export function message(name: string, id: string, payload: unknown = {}): Message {
  return {
    id,
    name,
    kind: name === "workflow.timer" ? "timer" : "event",
    flowId: "f1",
    causationId: null,
    subject: "s1",
    occurredAt: "2026-01-01T00:00:00.000Z",
    producer: "test",
    schema: `${name}.v1`,
    headers: {},
    payload,
  };
}

export const requested = (id = "m0") => message("run.requested", id, { subject: "s1" });
export const failedReply = (step: string, id: string, attempt: number, retryable = true) =>
  message(`${step}.failed`, id, {
    code: "E_TEST",
    reason: "because",
    retryable,
    attempt,
    attempts: 2,
  });
export const timer = (id: string, step: string, purpose: "timeout" | "retry", attempt: number) =>
  message("workflow.timer", id, { step, purpose, attempt });
