import * as z from "zod";
import { flowNames } from "../pipeline/contracts/contract.ts";
import { StateReport } from "../pipeline/operations/describe-state.ts";
import { StateVerification } from "../pipeline/operations/verify-state.ts";
import { RecogniseReport, UnreadReport } from "../pipeline/ports/recognise-report.ts";
import {
  MachineReport,
  RejectedReport,
  UnfinishedReport,
  UploadReport,
} from "../pipeline/ports/upload-report.ts";

// The shapes of everything that a command prints with a machine format. JSON only grows.

/** What was let go of, or would be. */
const PruneReport = z.object({
  schema: z.literal("tu-analyze/state-prune@1"),
  isDryRun: z.boolean(),
  flows: z.array(
    z.object({ flow: z.string(), flowId: z.string(), lastAt: z.string(), sizeBytes: z.int() }),
  ),
  uploads: z.array(z.string()),
  objects: z.array(z.object({ key: z.string(), sizeBytes: z.int() })),
});
export type PruneReport = z.infer<typeof PruneReport>;
const ClearReport = z.object({
  schema: z.literal("tu-analyze/state-clear@1"),
  directory: z.string(),
  flows: z.int(),
  uploads: z.int(),
  objects: z.int(),
  machinesKept: z.int(),
});
export type ClearReport = z.infer<typeof ClearReport>;

const MachineOutput = MachineReport.extend({ schema: z.literal("tu-analyze/machine@1") });

const Consumer = z.object({
  service: z.string(),
  source: z.string(),
  flows: z.array(z.enum(flowNames)),
  isNews: z.boolean().optional(),
  isPerInstance: z.boolean().optional(),
});
const RouteOutput = z.object({
  transport: z.enum(["kafka", "rabbitmq"]),
  topic: z.string().optional(),
  key: z.string().optional(),
  casing: z.enum(["camel", "pascal"]).optional(),
  exchange: z.string().optional(),
  exchangeType: z.enum(["fanout", "direct"]).optional(),
  producer: z.string(),
  consumers: z.array(Consumer),
});
const MessageShape = z.object({
  name: z.string(),
  kind: z.enum(["command", "event"]),
  summary: z.string(),
  schemaId: z.string(),
  flows: z.array(z.enum(flowNames)),
  routes: z.array(RouteOutput),
  example: z.record(z.string(), z.unknown()),
});

const AnyUpload = z.union([UploadReport, RejectedReport, UnfinishedReport]);

/** By the value of `schema`. */
export const outputSchemas = {
  "tu-analyze/upload@1": AnyUpload,
  "tu-analyze/uploads@1": z.object({
    schema: z.literal("tu-analyze/uploads@1"),
    completed: z.int(),
    failed: z.int(),
    uploads: z.array(AnyUpload),
  }),
  "tu-analyze/recognise@1": z.union([RecogniseReport, UnreadReport]),
  "tu-analyze/recognitions@1": z.object({
    schema: z.literal("tu-analyze/recognitions@1"),
    read: z.int(),
    failed: z.int(),
    images: z.array(z.union([RecogniseReport, UnreadReport])),
  }),
  "tu-analyze/error@1": z.object({
    schema: z.literal("tu-analyze/error@1"),
    code: z.string(),
    message: z.string(),
    hint: z.string().nullable(),
    exitCode: z.int(),
  }),
  "tu-analyze/vision-import@1": z.object({
    schema: z.literal("tu-analyze/vision-import@1"),
    cassettes: z.array(
      z.object({
        image: z.string(),
        sha256: z.string(),
        features: z.array(z.string()),
        file: z.string(),
        replaced: z.boolean(),
        texts: z.int(),
        hints: z.int(),
      }),
    ),
  }),
  "tu-analyze/state@1": StateReport,
  "tu-analyze/state-prune@1": PruneReport,
  "tu-analyze/state-clear@1": ClearReport,
  "tu-analyze/state-verification@1": StateVerification,
  "tu-analyze/machines@1": z.object({
    schema: z.literal("tu-analyze/machines@1"),
    machines: z.array(MachineReport),
  }),
  "tu-analyze/machine@1": MachineOutput,
  "tu-analyze/messages@1": z.object({
    schema: z.literal("tu-analyze/messages@1"),
    messages: z.array(MessageShape),
  }),
  "tu-analyze/message@1": MessageShape.extend({ schema: z.literal("tu-analyze/message@1") }),
  "tu-analyze/version@1": z.object({
    schema: z.literal("tu-analyze/version@1"),
    version: z.string(),
    node: z.string(),
  }),
  "tu-analyze/topology@1": z.object({
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
    bindings: z.array(
      z.object({ exchange: z.string(), queue: z.string(), routingKey: z.string() }),
    ),
  }),
} as const;
