import type { Message } from "../message.ts";

export type Failure = {
  readonly step: string;
  readonly code: string;
  readonly reason: string;
  readonly retryable: boolean;
  readonly attempt: number;
  readonly attempts: number;
};

/** A step without an entry still waits for the steps it depends on. */
export type StepState =
  | { readonly status: "running"; readonly attempt: number }
  /** `attempt` failed; a timer starts the next one. */
  | { readonly status: "backing-off"; readonly attempt: number }
  | { readonly status: "completed"; readonly output: unknown }
  | { readonly status: "skipped" }
  /** Failed for good, and the definition says to go on. */
  | { readonly status: "failed"; readonly failure: Failure };

/** One instance of a workflow. A union of situations: what a situation does not have, it cannot show. */
export type FlowState =
  /** Not triggered yet. Replies may overtake the trigger; they wait here. */
  | { readonly status: "idle"; readonly early: readonly Message[] }
  | {
      readonly status: "running";
      /** `id@version` of the pinned definition. */
      readonly definition: string;
      readonly flowId: string;
      readonly input: unknown;
      readonly steps: Readonly<Record<string, StepState>>;
      /** Replies to what has not begun; at most one success of a step, and one failure of an attempt. */
      readonly early?: readonly Message[] | undefined;
    }
  | { readonly status: "completed"; readonly definition: string }
  | { readonly status: "failed"; readonly definition: string; readonly failure: Failure };
export type Running = Extract<FlowState, { status: "running" }>;

export const initialState: FlowState = { status: "idle", early: [] };

export function hasEnded(state: FlowState): boolean {
  return state.status === "completed" || state.status === "failed";
}
