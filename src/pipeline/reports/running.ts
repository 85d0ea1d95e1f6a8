import * as z from "zod";
import { flowNames } from "../contracts/contract.ts";

/** A round trip over one leg. */
export const LegReport = z.object({
  name: z.string(),
  /** How long it took; null if it failed. */
  ms: z.number().nullable(),
  problem: z.object({ code: z.string(), reason: z.string() }).nullable(),
});
export type LegReport = z.infer<typeof LegReport>;

const Instance = z.object({
  pid: z.int(),
  /** ISO 8601, UTC. */
  startedAt: z.string(),
  flow: z.enum(flowNames),
  /** Null: nothing is stored. */
  stateDir: z.string().nullable(),
  /** The GraphQL endpoint; null if this pipeline runs without the gateway. */
  graphql: z.string().nullable(),
  /** Base addresses by service. */
  services: z.record(z.string(), z.string()),
  isReady: z.boolean(),
  /** What keeps it from being ready. */
  problems: z.array(z.string()),
});

/** A running pipeline: output of `up -o json` and `wait -o json`, each line of `ps -o jsonl`, and the ready file. */
export const InstanceReport = Instance.extend({
  schema: z.literal("tu-analyze/instance@1"),
  /** Only in the output of `up`: the round trips that made it ready. */
  legs: z.array(LegReport).optional(),
});
export type InstanceReport = z.infer<typeof InstanceReport>;

/** Output of `ps -o json`. */
export const InstancesReport = z.object({
  schema: z.literal("tu-analyze/instances@1"),
  instances: z.array(Instance),
});
export type InstancesReport = z.infer<typeof InstancesReport>;

/** Output of `down -o json`. */
export const DownReport = z.object({
  schema: z.literal("tu-analyze/down@1"),
  stopped: z.array(z.object({ pid: z.int(), flow: z.enum(flowNames), isForced: z.boolean() })),
});
export type DownReport = z.infer<typeof DownReport>;
