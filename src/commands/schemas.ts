import * as z from "zod";
import { ConfigFilesReport, ConfigInitReport, ConfigReport } from "../pipeline/reports/config.ts";
import { ContextReport, ContextsReport, ContextTestReport } from "../pipeline/reports/contexts.ts";
import { FlowReport, FlowsReport, TraceReport } from "../pipeline/reports/flows.ts";
import { MachineReport, MachinesReport } from "../pipeline/reports/machines.ts";
import {
  MessageBodiesReport,
  MessageBodyReport,
  MessageReport,
  MessagesReport,
} from "../pipeline/reports/messages.ts";
import { RecogniseReport, UnreadReport } from "../pipeline/reports/recognise.ts";
import { PublishReport, TraceNotice, TraceRecord } from "../pipeline/reports/records.ts";
import { DownReport, InstanceReport, InstancesReport } from "../pipeline/reports/running.ts";
import {
  ClearReport,
  PruneReport,
  StateReport,
  StateVerification,
} from "../pipeline/reports/state.ts";
import { TopologyReport } from "../pipeline/reports/topology.ts";
import { RejectedReport, UnfinishedReport, UploadReport } from "../pipeline/reports/upload.ts";

// The shapes of everything that a command prints in a machine format. JSON only grows.

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
    /** Only if there are several. */
    problems: z
      .array(z.object({ code: z.string(), message: z.string(), hint: z.string().nullable() }))
      .optional(),
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
  "tu-analyze/flow@1": FlowReport,
  "tu-analyze/flows@1": FlowsReport,
  "tu-analyze/trace@1": TraceReport,
  "tu-analyze/trace-record@1": TraceRecord,
  "tu-analyze/trace-notice@1": TraceNotice,
  "tu-analyze/trace-records@1": z.object({
    schema: z.literal("tu-analyze/trace-records@1"),
    records: z.array(z.union([TraceRecord.partial({ body: true, wire: true }), TraceNotice])),
  }),
  "tu-analyze/publish@1": PublishReport,
  "tu-analyze/instance@1": InstanceReport,
  "tu-analyze/instances@1": InstancesReport,
  "tu-analyze/down@1": DownReport,
  "tu-analyze/config@1": ConfigReport,
  "tu-analyze/config-files@1": ConfigFilesReport,
  "tu-analyze/config-init@1": ConfigInitReport,
  "tu-analyze/context@1": ContextReport,
  "tu-analyze/contexts@1": ContextsReport,
  "tu-analyze/context-test@1": ContextTestReport,
  "tu-analyze/state@1": StateReport,
  "tu-analyze/state-prune@1": PruneReport,
  "tu-analyze/state-clear@1": ClearReport,
  "tu-analyze/state-verification@1": StateVerification,
  "tu-analyze/machines@1": MachinesReport,
  "tu-analyze/machine@1": MachineReport,
  "tu-analyze/messages@1": MessagesReport,
  "tu-analyze/message@1": MessageReport,
  "tu-analyze/message-bodies@1": MessageBodiesReport,
  "tu-analyze/message-body@1": MessageBodyReport,
  "tu-analyze/version@1": z.object({
    schema: z.literal("tu-analyze/version@1"),
    version: z.string(),
    node: z.string(),
  }),
  "tu-analyze/topology@1": TopologyReport,
} as const;
