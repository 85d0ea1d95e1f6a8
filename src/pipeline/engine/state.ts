import * as z from "zod";
import { Message } from "../message.ts";

// What is recorded of an instance is read back by these schemas, also by later versions: a field that is added
// is optional, and what changes its meaning gets a name of its own.

const Failure = z.object({
  step: z.string(),
  code: z.string(),
  reason: z.string(),
  retryable: z.boolean(),
  attempt: z.int(),
  attempts: z.int(),
});
export type Failure = Readonly<z.infer<typeof Failure>>;

/** A step without an entry still waits for the steps it depends on. */
const StepState = z.discriminatedUnion("status", [
  z.object({ status: z.literal("running"), attempt: z.int() }).readonly(),
  /** `attempt` failed; a timer starts the next one. */
  z.object({ status: z.literal("backing-off"), attempt: z.int() }).readonly(),
  z.object({ status: z.literal("completed"), output: z.unknown() }).readonly(),
  z.object({ status: z.literal("skipped") }).readonly(),
  /** Failed for good, and the definition says to go on. */
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
    /** Replies to what has not begun; at most one success of a step, and one failure of an attempt. */
    early: Early.optional(),
  })
  .readonly();
export type Running = z.infer<typeof Running>;

/** One instance of a workflow. A union of situations: what a situation does not have, it cannot show. */
export const FlowState = z.discriminatedUnion("status", [
  /** Not triggered yet. Replies may overtake the trigger; they wait here. */
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
