import * as z from "zod";
import { StoredWire } from "../delivery/stored-wire.ts";
import { TraceReport } from "./flows.ts";
import { Hop } from "./upload.ts";

/** One thing that was seen: an arrival, with the message as it travelled. */
export const TraceRecord = Hop.omit({ sincePreviousMs: true }).extend({
  schema: z.literal("tu-analyze/trace-record@1"),
  flowId: z.string(),
  /** Where it was found: `kafka:<topic>/<partition>/<offset>`, `rabbitmq:<queue>`; null if it is no message. */
  origin: z.string().nullable(),
  /** The object key; empty if unknown. */
  subject: z.string().nullable(),
  /** Kafka's key or the routing key; null if it is no text. */
  key: z.string().nullable(),
  /** Those that are text, by name. */
  headers: z.record(z.string(), z.string()),
  /** As JSON if it is that, otherwise as text. Absent with --no-body. */
  body: z.unknown(),
  /** Byte for byte, each byte a character. `publish` sends it again. Absent with --no-body. */
  wire: StoredWire.nullable(),
});
export type TraceRecord = z.infer<typeof TraceRecord>;

/** A remark about a flow. */
export const TraceNotice = z.object({
  schema: z.literal("tu-analyze/trace-notice@1"),
  flowId: z.string(),
  at: z.iso.datetime(),
  code: z.string(),
  message: z.string(),
});
export type TraceNotice = z.infer<typeof TraceNotice>;

const Published = z.object({
  name: z.string(),
  id: z.string(),
  flowId: z.string(),
  /** `kafka:<topic>` or `rabbitmq:<exchange>`. */
  destination: z.string(),
  key: z.string().nullable(),
  headers: z.record(z.string(), z.string()),
  body: z.unknown(),
  sizeBytes: z.int(),
  /** `kafka:<topic>/<partition>/<offset>` or `rabbitmq:<exchange>`; null: it was not sent. */
  place: z.string().nullable(),
  /** `skipped`: a message with this id was seen before. */
  status: z.enum(["sent", "skipped", "dry-run"]),
});
export type Published = z.infer<typeof Published>;

export const PublishReport = z.object({
  schema: z.literal("tu-analyze/publish@1"),
  context: z.string(),
  messages: z.array(Published),
  /** With --wait: what became of the flow of the last message. */
  trace: TraceReport.nullable(),
});
export type PublishReport = z.infer<typeof PublishReport>;
