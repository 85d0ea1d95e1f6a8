import { type TimerPayload, timerName } from "../pipeline/engine/decide.ts";
import type { Flow } from "../pipeline/flows/flow.ts";
import { parseDuration } from "../pipeline/time.ts";
import type { ClientStory } from "./client.ts";
import type { Recorded, Remains } from "./remains.ts";

// A flow may fail only because of injected faults. Every attempt that led to the failure needs a fault of its own.

type Attempt = { readonly step: string; readonly attempt: number; readonly code: string };
type Failed = Attempt & { readonly atMs: number };
type Counted = { readonly code: string; readonly attempts: readonly Failed[] };

/**
 * The failed analyses of clients that should not have failed, each with the reason; empty if faults explain them
 * all.
 */
export function unexplainedIn(remains: Remains): readonly string[] {
  return remains.clients.flatMap((client) => {
    const { flowId } = client;
    const history = remains.histories.get(flowId) ?? [];
    const end = endOf(history);
    if (end === undefined) return [];
    const attempts = attemptsUpTo(end, history);
    const unknown = end.attempt - attempts.length;
    const reasons = grouped(attempts)
      .filter((counted) => !isExplained(counted, { client, flowId, remains }))
      .map(
        ({ attempts: { length }, code }) => `${flowId}: ${end.step} met ${code} ${length} times`,
      );
    return unknown <= 0
      ? reasons
      : [...reasons, `${flowId}: nothing is known of ${unknown} attempts at ${end.step}`];
  });
}

function endOf(history: readonly Recorded[]): Failed | undefined {
  for (const { atMs, outgoing } of history)
    for (const { name, payload } of outgoing)
      if (name === "analysis.failed") return { ...(payload as Attempt), atMs }; // as its contract requires
  return undefined;
}

/** The failures of the step that ended the flow, one per attempt. */
function attemptsUpTo(end: Failed, history: readonly Recorded[]): readonly Failed[] {
  const met = history.flatMap((entry) => failureIn(entry)).filter(({ step }) => step === end.step);
  const byAttempt = new Map([...met, end].map((failed) => [failed.attempt, failed]));
  return [...byAttempt.values()].filter(({ attempt }) => attempt <= end.attempt);
}

function failureIn({ atMs, message, outgoing, timers }: Recorded): readonly Failed[] {
  if (message.name.endsWith(".failed")) return [{ ...(message.payload as Attempt), atMs }]; // as above
  if (message.name !== timerName || outgoing.length + timers.length === 0) return [];
  const { attempt, purpose, step } = message.payload as Attempt & { readonly purpose: string }; // ours
  return purpose === "timeout" ? [{ step, attempt, code: "E_STEP_TIMEOUT", atMs }] : [];
}

function grouped(attempts: readonly Failed[]): readonly Counted[] {
  const codes = new Set(attempts.map(({ code }) => code));
  return [...codes].map((code) => ({
    code,
    attempts: attempts.filter((attempt) => attempt.code === code),
  }));
}

type InFlow = { readonly flowId: string; readonly remains: Remains };
type Context = InFlow & { readonly client: ClientStory };

function isExplained({ attempts, code }: Counted, { client, flowId, remains }: Context): boolean {
  const { ledger } = remains;
  switch (code) {
    case "E_VISION_FAILED":
      return ledger.count("vision", client.picture) >= attempts.length;
    case "E_SERVICE_UNAVAILABLE":
    case "E_FETCH_FAILED":
      return ledger.count("call", flowId) >= attempts.length;
    case "E_URL_REFUSED":
      return ledger.count("clock") >= 2 * attempts.length; // a refused URL is requested anew once
    // A lost picture does not return: the first attempt that finds it missing is the last.
    case "E_OBJECT_NOT_FOUND":
      return client.harm === "gone" && attempts.length === 1;
    case "E_IMAGE_CHANGED":
      return client.harm === "changed" && attempts.length === 1;
    case "E_STEP_TIMEOUT": {
      const delays = ledger.count("crash") + ledger.count("transport") + ledger.count("store");
      return delays > 0 && attempts.every((attempt) => wasDelayed(attempt, { flowId, remains }));
    }
    default:
      return false;
  }
}

/** Timeouts that fired early; empty if every wait lasted as long as agreed. */
export function hurriedIn(remains: Remains): readonly string[] {
  return [...remains.histories].flatMap(([flowId, history]) =>
    history
      .flatMap((entry) => failureIn(entry))
      .filter(({ code }) => code === "E_STEP_TIMEOUT")
      .filter((failed) => !hasWaited(failed, { flowId, remains }))
      .map(({ attempt, step }) => `${flowId}: attempt ${attempt} at ${step} was given up early`),
  );
}

/** It began in bad weather. */
function wasDelayed(failed: Failed, { flowId, remains }: InFlow): boolean {
  const begun = begunFor(failed, remains.histories.get(flowId) ?? []);
  return begun !== undefined && begun.atMs < remains.stormEndMs;
}

/** However the clock was set, and whichever process waited last: a patience restarts with its process. */
function hasWaited(failed: Failed, { flowId, remains }: InFlow): boolean {
  const begun = begunFor(failed, remains.histories.get(flowId) ?? []);
  if (begun === undefined) return false;
  return failed.atMs - begun.atMs >= timeoutMs(remains.flow, failed.step);
}

function begunFor(failed: Failed, history: readonly Recorded[]): Recorded | undefined {
  return history.find(({ timers }) =>
    timers.some(({ message: { payload } }) => isTimeoutOf(payload as TimerPayload, failed)),
  );
}

/** A wait has one timeout, which its service's own attempts do not restart. */
function isTimeoutOf({ attempt, purpose, step }: TimerPayload, failed: Failed): boolean {
  return purpose === "timeout" && step === failed.step && attempt <= failed.attempt;
}

function timeoutMs({ definition: { steps } }: Flow, stepId: string): number {
  return parseDuration(steps.find(({ id }) => id === stepId)?.timeout ?? "") ?? 0;
}
