import * as z from "zod";
import { Message } from "../message.ts";

// These schemas parse recorded instances, in later versions too: a new field is optional, and a field whose meaning
// changes gets a new name.

const Failure = z.object({
  step: z.string(),
  code: z.string(),
  reason: z.string(),
  retryable: z.boolean(),
  attempt: z.int(),
  attempts: z.int(),
});
export type Failure = Readonly<z.infer<typeof Failure>>;

/** A step without an entry is still waiting for its dependencies. */
const StepState = z.discriminatedUnion("status", [
  z.object({ status: z.literal("running"), attempt: z.int() }).readonly(),
  /** `attempt` failed; a timer starts the next one. */
  z.object({ status: z.literal("backing-off"), attempt: z.int() }).readonly(),
  z.object({ status: z.literal("completed"), output: z.unknown() }).readonly(),
  z.object({ status: z.literal("skipped") }).readonly(),
  /** Failed for good, and the definition continues regardless. */
  z.object({ status: z.literal("failed"), failure: Failure.readonly() }).readonly(),
]);
export type StepState = z.infer<typeof StepState>;

const Early = z.array(Message.readonly()).readonly();
const Running = z
  .object({
    status: z.literal("running"),
    /** `id@version` of the pinned definition. */
    definition: z.string(),
    flowId: z.string(),
    input: z.unknown(),
    steps: z.record(z.string(), StepState).readonly(),
    /** Replies to what has not begun; at most one success per step, and one failure per attempt. */
    early: Early.optional(),
  })
  .readonly();
export type Running = z.infer<typeof Running>;

/** One instance of a workflow, as a union of statuses: each has only the fields that apply to it. */
export const FlowState = z.discriminatedUnion("status", [
  /** Not triggered yet. Replies that overtake the trigger wait here. */
  z.object({ status: z.literal("idle"), early: Early }).readonly(),
  Running,
  z.object({ status: z.literal("completed"), definition: z.string() }).readonly(),
  z
    .object({ status: z.literal("failed"), definition: z.string(), failure: Failure.readonly() })
    .readonly(),
]);
export type FlowState = z.infer<typeof FlowState>;

export const initialState: FlowState = { status: "idle", early: [] };

export function hasEnded(state: FlowState): boolean {
  return state.status === "completed" || state.status === "failed";
}
