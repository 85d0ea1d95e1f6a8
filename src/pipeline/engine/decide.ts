// What happens next in a workflow: one total, pure function, and the only place that knows.
//
//   D1. No clock, no randomness, no I/O. Whatever a decision needs arrives in `message`.
//   D2. Inputs are never mutated; an ignored message returns the very same `state`.
//   D3. Ids of effects derive from the incoming id, so deciding twice asks for the same effects.
//   D4. A finished instance absorbs every further message.
//   D5. A success ends its step whichever attempt it answers; a failure or a timer counts only for
//       the attempt that is running.
//   D6. A reply that overtakes the trigger waits for it. Order of arrival never loses a result.
//
// It does not own: sending, recording, time (the shell in `delivery/`), or what a service does.

import { z } from "zod";
import type { Message } from "../message.ts";
import { parseDuration } from "../time.ts";
import { type Definition, type Step, versionOf } from "./definition.ts";
import { evaluate, isTrue, parseExpression, type Scope } from "./expression.ts";
import { retryDelayMs } from "./retry.ts";
import type { Failure, FlowState, Running, StepState } from "./state.ts";
import { fill } from "./template.ts";

export const timerName = "workflow.timer";
export const TimerPayload = z.object({
  step: z.string(),
  purpose: z.enum(["timeout", "retry"]),
  attempt: z.int(),
});
export type TimerPayload = z.infer<typeof TimerPayload>;

/** What the workflow asks the world to do. */
type Request =
  | {
      readonly type: "command";
      readonly name: string;
      readonly attempt: number;
      readonly attempts: number;
      readonly payload: unknown;
    }
  | { readonly type: "event"; readonly name: string; readonly payload: unknown }
  | { readonly type: "timer"; readonly delayMs: number; readonly timer: TimerPayload };
export type Effect = Request & { readonly id: string };
export type Decision = { readonly state: FlowState; readonly outgoing: readonly Effect[] };

/** `definition` is the one that the instance pins; for an idle state, the one to start. */
export function decide(definition: Definition, state: FlowState, message: Message): Decision {
  const outcome = next(definition, state, message);
  if (outcome === undefined) return { state, outgoing: [] };
  return {
    state: outcome.state,
    outgoing: outcome.requests.map((request, index) => ({
      ...request,
      id: `${message.id}/${index}`,
    })),
  };
}

/** Undefined: the message changes nothing. */
type Outcome = { readonly state: FlowState; readonly requests: readonly Request[] } | undefined;

function next(definition: Definition, state: FlowState, message: Message): Outcome {
  switch (state.status) {
    case "idle":
      if (message.name === definition.trigger.event) return start(definition, state, message);
      return keepForLater(definition, state, message);
    case "running":
      return proceed(definition, state, message);
    case "completed":
    case "failed":
      return undefined;
    default:
      return state satisfies never;
  }
}

function keepForLater(
  definition: Definition,
  state: Extract<FlowState, { status: "idle" }>,
  message: Message,
): Outcome {
  const isReply = definition.steps.some(({ reply }) =>
    [reply.completed, reply.failed].includes(message.name),
  );
  if (!isReply || state.early.some(({ id }) => id === message.id)) return undefined;
  return { state: { status: "idle", early: [...state.early, message] }, requests: [] };
}

function start(
  definition: Definition,
  { early }: Extract<FlowState, { status: "idle" }>,
  trigger: Message,
): Outcome {
  const running: Running = {
    status: "running",
    definition: versionOf(definition),
    flowId: trigger.flowId,
    input: trigger.payload,
    steps: {},
  };
  const started = emit(definition.events.started, scopeOf(definition, running));
  const begun = advance(definition, running, trigger.id);
  return early.reduce<{ state: FlowState; requests: readonly Request[] }>(
    ({ state, requests }, message) => {
      const outcome = next(definition, state, message);
      if (outcome === undefined) return { state, requests };
      return { state: outcome.state, requests: [...requests, ...outcome.requests] };
    },
    { state: begun.state, requests: [started, ...begun.requests] },
  );
}

function proceed(definition: Definition, state: Running, message: Message): Outcome {
  if (message.kind === "timer") return onTimer(definition, state, message);
  for (const step of definition.steps) {
    if (step.reply.completed === message.name) return onCompleted(definition, state, step, message);
    if (step.reply.failed === message.name) return onFailed(definition, state, step, message);
  }
  return undefined;
}

function onCompleted(
  definition: Definition,
  state: Running,
  step: Step,
  message: Message,
): Outcome {
  const current = stepState(state, step.id);
  const isAwaited =
    current?.status === "running" ||
    current?.status === "backing-off" ||
    (current === undefined && step.type === "wait_event");
  if (!isAwaited) return undefined;
  const output = message.payload;
  return advance(definition, withStep(state, step, { status: "completed", output }), message.id);
}

function onFailed(definition: Definition, state: Running, step: Step, message: Message): Outcome {
  const current = stepState(state, step.id);
  if (current?.status !== "running") return undefined;
  const failure = failureOf(step, message.payload, current.attempt);
  if (step.type === "wait_event") {
    // The service retries by itself; only its last word ends the wait.
    const isLast = !failure.retryable || failure.attempt >= failure.attempts;
    if (isLast) return giveUp(definition, state, step, failure, message.id);
    const attempt = failure.attempt + 1;
    if (attempt <= current.attempt) return undefined;
    return { state: withStep(state, step, { status: "running", attempt }), requests: [] };
  }
  if (failure.attempt !== current.attempt) return undefined;
  return retryOrGiveUp(definition, state, step, failure, message.id);
}

function onTimer(definition: Definition, state: Running, message: Message): Outcome {
  const payload = TimerPayload.safeParse(message.payload);
  if (!payload.success) return undefined;
  const { attempt, purpose } = payload.data;
  const step = definition.steps.find(({ id }) => id === payload.data.step);
  const current = step === undefined ? undefined : stepState(state, step.id);
  if (step === undefined || current === undefined) return undefined;
  if (purpose === "retry") {
    const isDue = current.status === "backing-off" && current.attempt === attempt;
    return isDue ? run(definition, state, step, attempt + 1) : undefined;
  }
  if (current.status !== "running") return undefined;
  if (step.type === "service_call" && current.attempt !== attempt) return undefined;
  const failure: Failure = {
    step: step.id,
    code: "E_STEP_TIMEOUT",
    reason: `${step.service} did not answer within ${step.timeout}`,
    retryable: true,
    attempt: current.attempt,
    attempts: Math.max(step.retry.max_attempts, current.attempt),
  };
  return retryOrGiveUp(definition, state, step, failure, message.id);
}

function retryOrGiveUp(
  definition: Definition,
  state: Running,
  step: Step,
  failure: Failure,
  causeId: string,
): Outcome {
  const mayRetry =
    step.type === "service_call" && failure.retryable && failure.attempt < step.retry.max_attempts;
  if (!mayRetry) return giveUp(definition, state, step, failure, causeId);
  const { attempt } = failure;
  return {
    state: withStep(state, step, { status: "backing-off", attempt }),
    requests: [
      {
        type: "timer",
        delayMs: retryDelayMs(step.retry, attempt, causeId),
        timer: { step: step.id, purpose: "retry", attempt },
      },
    ],
  };
}

function giveUp(
  definition: Definition,
  state: Running,
  step: Step,
  failure: Failure,
  causeId: string,
): Outcome {
  if (step.on_failure.action === "continue") {
    return advance(definition, withStep(state, step, { status: "failed", failure }), causeId);
  }
  return {
    state: { status: "failed", definition: state.definition, failure },
    requests: [emit(definition.events.failed, { ...scopeOf(definition, state), error: failure })],
  };
}

/** Begins every step that nothing holds back any more; ends the instance when none is left. */
function advance(
  definition: Definition,
  state: Running,
  causeId: string,
): { readonly state: FlowState; readonly requests: readonly Request[] } {
  const ready = definition.steps.find(
    (step) => stepState(state, step.id) === undefined && isReady(step, state),
  );
  if (ready !== undefined) {
    const begun = begin(definition, state, ready);
    const rest = advance(definition, begun.state, causeId);
    return { state: rest.state, requests: [...begun.requests, ...rest.requests] };
  }
  if (!definition.steps.every(({ id }) => isSettled(stepState(state, id)))) {
    return { state, requests: [] };
  }
  return {
    state: { status: "completed", definition: state.definition },
    requests: [emit(definition.events.completed, scopeOf(definition, state))],
  };
}

type Begun = { readonly state: Running; readonly requests: readonly Request[] };

function begin(definition: Definition, state: Running, step: Step): Begun {
  const isWanted =
    step.condition === undefined ||
    isTrue(evaluate(parseExpression(step.condition), scopeOf(definition, state)));
  if (!isWanted) return { state: withStep(state, step, { status: "skipped" }), requests: [] };
  return run(definition, state, step, 1);
}

function run(definition: Definition, state: Running, step: Step, attempt: number): Begun {
  const timeout: Request = {
    type: "timer",
    delayMs: parseDuration(step.timeout) ?? 0,
    timer: { step: step.id, purpose: "timeout", attempt },
  };
  const command: Request = {
    type: "command",
    name: step.action,
    attempt,
    attempts: step.retry.max_attempts,
    payload: fill(step.parameters, scopeOf(definition, state)),
  };
  return {
    state: withStep(state, step, { status: "running", attempt }),
    requests: step.type === "service_call" ? [command, timeout] : [timeout],
  };
}

function isReady(step: Step, state: Running): boolean {
  return step.depends_on.every((id) => isSettled(stepState(state, id)));
}

/** Own entries only: a step may be called `constructor`. */
function stepState({ steps }: Running, id: string): StepState | undefined {
  return Object.hasOwn(steps, id) ? steps[id] : undefined;
}

function isSettled(step: StepState | undefined): boolean {
  return step !== undefined && step.status !== "running" && step.status !== "backing-off";
}

function withStep(state: Running, step: Step, stepState: StepState): Running {
  return { ...state, steps: { ...state.steps, [step.id]: stepState } };
}

function emit(emission: { name: string; payload: unknown }, scope: Scope): Request {
  return { type: "event", name: emission.name, payload: fill(emission.payload, scope) };
}

/** What expressions can reach. `result` is another word for `output`. */
function scopeOf(definition: Definition, state: Running): Scope {
  const steps = Object.entries(state.steps).map(([id, step]) => {
    const output = step.status === "completed" ? step.output : undefined;
    return [id, { status: step.status, output, result: output }] as const;
  });
  return {
    input: state.input,
    variables: Object.fromEntries(
      Object.entries(definition.variables).map(([name, variable]) => [name, variable.default]),
    ),
    steps: Object.fromEntries(steps),
    workflow: { id: state.flowId, definition: state.definition },
  };
}

const FailedReply = z.object({
  code: z.string().catch("E_UNKNOWN"),
  reason: z.string().catch("no reason given"),
  retryable: z.boolean().catch(false),
  attempt: z.int().positive().optional().catch(undefined),
  attempts: z.int().positive().optional().catch(undefined),
});

/** Tolerant: a failed reply that says little still fails the step. */
function failureOf(step: Step, payload: unknown, attemptRunning: number): Failure {
  const reply = FailedReply.safeParse(payload ?? {});
  const told = reply.success ? reply.data : FailedReply.parse({});
  return {
    step: step.id,
    code: told.code,
    reason: told.reason,
    retryable: told.retryable,
    attempt: told.attempt ?? attemptRunning,
    attempts: told.attempts ?? step.retry.max_attempts,
  };
}
