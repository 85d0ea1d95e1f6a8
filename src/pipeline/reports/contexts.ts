import * as z from "zod";
import { flowNames } from "../contracts/contract.ts";
import { LegReport } from "./running.ts";

/** Where a context is. Secrets are never part of it. */
const Context = z.object({
  name: z.string(),
  /** The one in use. */
  isCurrent: z.boolean(),
  /** Null: embedded. */
  kafka: z.array(z.string()).nullable(),
  rabbitmq: z.string().nullable(),
  /** Null: objects are stored in the state, and served by the pipeline. */
  s3: z.string().nullable(),
  gateway: z.string().nullable(),
  /** Base addresses of services that others run. */
  services: z.record(z.string(), z.string()),
  flow: z.enum(flowNames),
  stateDir: z.string(),
  isProtected: z.boolean(),
  isReadOnly: z.boolean(),
  /** Why it cannot be used as it is, such as a variable that is not set. */
  problem: z.string().nullable(),
});

/** Output of `context show -o json` and `context use -o json`, each line of `context list -o jsonl`. */
export const ContextReport = Context.extend({ schema: z.literal("tu-analyze/context@1") });
export type ContextReport = z.infer<typeof ContextReport>;

/** Output of `context list -o json`. */
export const ContextsReport = z.object({
  schema: z.literal("tu-analyze/contexts@1"),
  contexts: z.array(Context),
});
export type ContextsReport = z.infer<typeof ContextsReport>;

/** Output of `context test -o json`. */
export const ContextTestReport = z.object({
  schema: z.literal("tu-analyze/context-test@1"),
  context: z.string(),
  isWorking: z.boolean(),
  legs: z.array(LegReport),
});
export type ContextTestReport = z.infer<typeof ContextTestReport>;
