import type { StepFailed } from "../contracts/failure.ts";
import type { Handler, Reaction } from "../delivery/service.ts";
import { describeError, TuError } from "../errors.ts";
import type { Message } from "../message.ts";

/** The work of one step: a command's payload in, the success event's payload out. */
export type StepWork = (message: Message, attempt: number, signal: AbortSignal) => Promise<unknown>;
export type StepAttempt = { readonly attempt: number; readonly attempts: number };

/** Never answers; what a service does that took the command and died. */
export const silence = Symbol("no answer");

/**
 * Makes a command's handler out of a step's work: success becomes the success event, anything thrown
 * its failed twin. A failing step is a message, not an exception; a stop is no failure. Nor is a store of
 * ours that is in trouble: it says nothing of the picture, and the command is delivered again until it works.
 */
export function stepHandler(step: {
  readonly name: string;
  readonly completed: string;
  readonly failed: string;
  readonly work: StepWork;
}): Handler {
  return async (message, signal) => {
    const which = attemptOf(message);
    try {
      const payload = await step.work(message, which.attempt, signal);
      if (payload === silence) return { outgoing: [] };
      return { outgoing: [{ name: step.completed, payload }] };
    } catch (error) {
      signal.throwIfAborted();
      if (isOfOurStore(error)) throw error;
      return failed(step, message, error, which);
    }
  };
}

export function isOfOurStore(error: unknown): boolean {
  return error instanceof TuError && error.code.startsWith("E_STATE_");
}

export function attemptOf({ headers }: Message): StepAttempt {
  return {
    attempt: Number(headers["x-attempt"] ?? 1),
    attempts: Number(headers["x-attempts"] ?? 1),
  };
}

export function failed(
  step: { readonly name: string; readonly failed: string },
  message: Message,
  error: unknown,
  { attempt, attempts }: StepAttempt,
): Reaction {
  const payload: StepFailed = {
    objectKey: message.subject,
    step: step.name,
    ...describeError(error),
    retryable: error instanceof TuError && error.retryable,
    attempt,
    attempts,
  };
  return { outgoing: [{ name: step.failed, payload }] };
}
