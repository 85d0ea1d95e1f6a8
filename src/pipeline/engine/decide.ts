// Decides what happens next in a workflow: one total, pure function, and the only code that knows.
//
//   D1. No clock, no randomness, no I/O. Everything a decision needs arrives in `message`.
//   D2. Inputs are never mutated; an ignored message returns the very same `state`.
//   D3. Deciding twice yields the same effects in the same order; the shell derives their ids.
//   D4. A finished instance ignores every further message.
//   D5. A success completes its step whichever attempt it answers; a failure or a timer counts only for the running
//       attempt.
//   D6. A reply that overtakes what it answers (the trigger, the step, the attempt) is held until that begins, and
//       applied then: a success replaces the command, a failure counts for the attempt it names. No order of
//       arrival loses a result.
//
// Out of scope: sending, recording, time (the shell in `delivery/`), and what the services do.

import * as z from "zod";
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

/** What the workflow asks the shell to do. */
export type Effect =
  | {
      readonly type: "command";
      readonly name: string;
      readonly attempt: number;
      readonly attempts: number;
      readonly payload: unknown;
    }
  | { readonly type: "event"; readonly name: string; readonly payload: unknown }
  | { readonly type: "timer"; readonly delayMs: number; readonly timer: TimerPayload };
export type Decision = { readonly state: FlowState; readonly outgoing: readonly Effect[] };

/** `definition` is the one the instance has pinned; for an idle state, the one to start. */
export function decide(definition: Definition, state: FlowState, message: Message): Decision {
  return next(definition, state, message) ?? { state, outgoing: [] };
}

/** Undefined: the message changes nothing. */
type Outcome = Decision | undefined;

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
  const step = answeredBy(definition, message);
  const early = step === undefined ? undefined : withEarly(step, state.early, message);
  return early && { state: { status: "idle", early }, outgoing: [] };
}

function answeredBy(definition: Definition, { name }: Message): Step | undefined {
  return definition.steps.find(({ reply }) => [reply.completed, reply.failed].includes(name));
}

/** Undefined: nothing new. For a success, nothing else about the step is needed. */
function withEarly(
  step: Step,
  early: readonly Message[],
  message: Message,
): readonly Message[] | undefined {
  const [mine, others] = [repliesTo(step, early), repliesToOthers(step, early)];
  if (mine.some(({ name }) => name === step.reply.completed)) return undefined;
  if (message.name === step.reply.completed) return [...others, message];
  const { attempt } = failureOf(step, message.payload, 1);
  const isKnown = mine.some(({ payload }) => failureOf(step, payload, 1).attempt === attempt);
  const isPossible = step.type === "wait_event" || attempt <= step.retry.max_attempts;
  return isKnown || !isPossible ? undefined : [...early, message];
}

function repliesTo({ reply }: Step, early: readonly Message[]): readonly Message[] {
  return early.filter(({ name }) => name === reply.completed || name === reply.failed);
}

function repliesToOthers({ reply }: Step, early: readonly Message[]): readonly Message[] {
  return early.filter(({ name }) => name !== reply.completed && name !== reply.failed);
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
    ...(early.length === 0 ? {} : { early }),
  };
  const started = emit(definition.events.started, scopeOf(definition, running));
  const { outgoing, state } = advance(definition, running, trigger.id);
  return { state, outgoing: [started, ...outgoing] };
}

function proceed(definition: Definition, state: Running, message: Message): Outcome {
  if (message.kind === "timer") return onTimer(definition, state, message);
  const step = answeredBy(definition, message);
  if (step === undefined) return undefined;
  if (stepState(state, step.id) === undefined) return keepRunning(state, step, message);
  return message.name === step.reply.completed
    ? onCompleted(definition, state, step, message)
    : onFailed(definition, state, step, message);
}

function keepRunning(state: Running, step: Step, message: Message): Outcome {
  const early = withEarly(step, state.early ?? [], message);
  return early && { state: { ...state, early }, outgoing: [] };
}

function onCompleted(
  definition: Definition,
  state: Running,
  step: Step,
  message: Message,
): Outcome {
  if (isSettled(stepState(state, step.id))) return undefined;
  return advance(definition, completed(state, step, message), message.id);
}

function completed(state: Running, step: Step, { payload }: Message): Running {
  return withStep(state, step, { status: "completed", output: payload });
}

function onFailed(definition: Definition, state: Running, step: Step, message: Message): Outcome {
  const current = stepState(state, step.id);
  if (current?.status !== "running" && current?.status !== "backing-off") return undefined;
  const failure = failureOf(step, message.payload, current.attempt);
  if (step.type === "wait_event") {
    return failure.attempt < current.attempt
      ? undefined
      : onServiceFailed(definition, state, step, failure, message.id);
  }
  if (failure.attempt > current.attempt) return keepRunning(state, step, message);
  if (failure.attempt < current.attempt || current.status !== "running") return undefined;
  return retryOrGiveUp(definition, state, step, failure, message.id);
}

/** The service retries by itself; only its last failure ends the wait. */
function onServiceFailed(
  definition: Definition,
  state: Running,
  step: Step,
  failure: Failure,
  causeId: string,
): Decision {
  const isLast = !failure.retryable || failure.attempt >= failure.attempts;
  if (isLast) return giveUp(definition, state, step, failure, causeId);
  const attempt = failure.attempt + 1;
  return { state: withStep(state, step, { status: "running", attempt }), outgoing: [] };
}

function onTimer(definition: Definition, state: Running, message: Message): Outcome {
  const awaited = awaitedTimer(definition, state, message);
  if (awaited === undefined) return undefined;
  const { current, purpose, step } = awaited;
  if (purpose === "retry") return run(definition, state, step, current.attempt + 1, message.id);
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

/** Whether a timer still counts (D5); what it was for may have happened before it is due. */
export function isAwaited(definition: Definition, state: FlowState, timer: Message): boolean {
  return state.status === "running" && awaitedTimer(definition, state, timer) !== undefined;
}

function awaitedTimer(definition: Definition, state: Running, { payload }: Message) {
  const { data: timer } = TimerPayload.safeParse(payload);
  const step = definition.steps.find(({ id }) => id === timer?.step);
  if (timer === undefined || step === undefined) return undefined;
  const { attempt, purpose } = timer;
  const current = stepState(state, step.id);
  if (current?.status !== (purpose === "retry" ? "backing-off" : "running")) return undefined;
  // The service that is waited for retries by itself: one timeout covers all its attempts.
  const isForAll = purpose === "timeout" && step.type === "wait_event";
  return isForAll || current.attempt === attempt ? { step, current, purpose } : undefined;
}

function retryOrGiveUp(
  definition: Definition,
  state: Running,
  step: Step,
  failure: Failure,
  causeId: string,
): Decision {
  const mayRetry =
    step.type === "service_call" && failure.retryable && failure.attempt < step.retry.max_attempts;
  if (!mayRetry) return giveUp(definition, state, step, failure, causeId);
  const { attempt } = failure;
  return {
    state: withStep(state, step, { status: "backing-off", attempt }),
    outgoing: [
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
): Decision {
  if (step.on_failure.action === "continue") {
    return advance(definition, withStep(state, step, { status: "failed", failure }), causeId);
  }
  return {
    state: { status: "failed", definition: state.definition, failure },
    outgoing: [emit(definition.events.failed, { ...scopeOf(definition, state), error: failure })],
  };
}

/** Starts every step that is no longer blocked; ends the instance when none is left. */
function advance(definition: Definition, state: Running, causeId: string): Decision {
  const ready = definition.steps.find(
    (step) => stepState(state, step.id) === undefined && isReady(step, state),
  );
  if (ready !== undefined) {
    const begun = begin(definition, state, ready, causeId);
    if (begun.state.status !== "running") return begun;
    const rest = advance(definition, begun.state, causeId);
    return { state: rest.state, outgoing: [...begun.outgoing, ...rest.outgoing] };
  }
  if (!definition.steps.every(({ id }) => isSettled(stepState(state, id)))) {
    return { state, outgoing: [] };
  }
  return {
    state: { status: "completed", definition: state.definition },
    outgoing: [emit(definition.events.completed, scopeOf(definition, state))],
  };
}

function begin(definition: Definition, state: Running, step: Step, causeId: string): Decision {
  const isWanted =
    step.condition === undefined ||
    isTrue(evaluate(parseExpression(step.condition), scopeOf(definition, state)));
  if (!isWanted) return { state: withStep(state, step, { status: "skipped" }), outgoing: [] };
  const success = repliesTo(step, state.early ?? []).find(
    ({ name }) => name === step.reply.completed,
  );
  if (success !== undefined) return { state: completed(state, step, success), outgoing: [] };
  return run(definition, state, step, 1, causeId);
}

/** Starts an attempt, or continues from its failure if that is already known. */
function run(
  definition: Definition,
  state: Running,
  step: Step,
  attempt: number,
  causeId: string,
): Decision {
  const running = withStep(state, step, { status: "running", attempt });
  const failure = earlyFailure(step, state, attempt);
  if (failure !== undefined && step.type === "service_call")
    return retryOrGiveUp(definition, running, step, failure, causeId);
  if (failure !== undefined) return wait(definition, running, step, causeId);
  return { state: running, outgoing: effectsOf(definition, state, step, attempt) };
}

/** A wait that starts after failures of its service: the first that ends it counts, else the latest. */
function wait(definition: Definition, state: Running, step: Step, causeId: string): Decision {
  const failures = earlyFailures(step, state);
  const last =
    failures.find(({ attempt, attempts, retryable }) => !retryable || attempt >= attempts) ??
    failures.at(-1);
  const outgoing = effectsOf(definition, state, step, 1);
  if (last === undefined) return { state, outgoing };
  const outcome = onServiceFailed(definition, state, step, last, causeId);
  return isSettledIn(outcome.state, step) ? outcome : { state: outcome.state, outgoing };
}

/** Ordered by attempt. */
function earlyFailures(step: Step, { early = [] }: Running): readonly Failure[] {
  return repliesTo(step, early)
    .map(({ payload }) => failureOf(step, payload, 1))
    .toSorted((a, b) => a.attempt - b.attempt);
}

/** For a wait, a failure of any attempt counts, because the service retries by itself. */
function earlyFailure(step: Step, state: Running, attempt: number): Failure | undefined {
  return earlyFailures(step, state).find(
    (failure) => step.type === "wait_event" || failure.attempt === attempt,
  );
}

function effectsOf(
  definition: Definition,
  state: Running,
  step: Step,
  attempt: number,
): readonly Effect[] {
  const timeout: Effect = {
    type: "timer",
    delayMs: parseDuration(step.timeout) ?? 0,
    timer: { step: step.id, purpose: "timeout", attempt },
  };
  if (step.type === "wait_event") return [timeout];
  const command: Effect = {
    type: "command",
    name: step.action,
    attempt,
    attempts: step.retry.max_attempts,
    payload: fill(step.parameters, scopeOf(definition, state)),
  };
  return [command, timeout];
}

function isSettledIn(state: FlowState, step: Step): boolean {
  return state.status !== "running" || isSettled(stepState(state, step.id));
}

function isReady(step: Step, state: Running): boolean {
  return step.depends_on.every((id) => isSettled(stepState(state, id)));
}

/** Own properties only: a step may be named `constructor`. */
function stepState({ steps }: Running, id: string): StepState | undefined {
  return Object.hasOwn(steps, id) ? steps[id] : undefined;
}

function isSettled(step: StepState | undefined): boolean {
  return step !== undefined && step.status !== "running" && step.status !== "backing-off";
}

/** Early replies to a settled step are no longer needed. */
function withStep(state: Running, step: Step, stepState: StepState): Running {
  const steps = { ...state.steps, [step.id]: stepState };
  if (state.early === undefined || !isSettled(stepState)) return { ...state, steps };
  const { early, ...rest } = state;
  const others = repliesToOthers(step, early);
  return others.length === 0 ? { ...rest, steps } : { ...rest, steps, early: others };
}

function emit(emission: { name: string; payload: unknown }, scope: Scope): Effect {
  return { type: "event", name: emission.name, payload: fill(emission.payload, scope) };
}

/** The names visible to expressions. `result` is an alias of `output`. */
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

/** Tolerant: a failed reply with missing fields still fails the step. */
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
