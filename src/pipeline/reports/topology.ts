import * as z from "zod";
import { flowNames } from "../contracts/contract.ts";

/** Output of `topology -o json`. */
export const TopologyReport = z.object({
  schema: z.literal("tu-analyze/topology@1"),
  flow: z.enum(flowNames),
  topics: z.array(
    z.object({
      name: z.string(),
      partitions: z.int(),
      key: z.string(),
      producer: z.string(),
      groups: z.array(z.string()),
    }),
  ),
  exchanges: z.array(
    z.object({
      name: z.string(),
      type: z.enum(["fanout", "direct", "topic"]),
      durable: z.literal(true),
      producer: z.string(),
    }),
  ),
  queues: z.array(
    z.object({
      name: z.string(),
      durable: z.boolean(),
      exclusive: z.boolean(),
      autoDelete: z.boolean(),
      consumer: z.string(),
      isPerInstance: z.boolean(),
    }),
  ),
  bindings: z.array(z.object({ exchange: z.string(), queue: z.string(), routingKey: z.string() })),
});
export type TopologyReport = z.infer<typeof TopologyReport>;
