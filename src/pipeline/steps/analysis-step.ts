import type { StepFailed } from "../contracts/failure.ts";
import type { Handler, Reaction } from "../delivery/service.ts";
import { describeError, TuError } from "../errors.ts";
import type { Message } from "../message.ts";

/** The work of one step: from a command's payload to the success event's payload. */
export type StepWork = (message: Message, attempt: number, signal: AbortSignal) => Promise<unknown>;
export type StepAttempt = { readonly attempt: number; readonly attempts: number };

/** No reply, as from a service that took the command and died. */
export const silence = Symbol("no answer");

/**
 * Turns a step's work into a command handler: success becomes the success event, anything thrown its failure
 * counterpart. A failing step is a message, not an exception; an abort is not a failure. Neither is trouble with a
 * store of ours: it says nothing about the picture, and the command is redelivered until it works.
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
