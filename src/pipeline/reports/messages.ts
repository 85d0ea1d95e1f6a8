import * as z from "zod";
import { flowNames } from "../contracts/contract.ts";

const Consumer = z.object({
  service: z.string(),
  source: z.string(),
  flows: z.array(z.enum(flowNames)),
  isEphemeral: z.boolean().optional(),
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
const Message = z.object({
  name: z.string(),
  kind: z.enum(["command", "event"]),
  summary: z.string(),
  schemaId: z.string(),
  flows: z.array(z.enum(flowNames)),
  routes: z.array(RouteOutput),
  example: z.record(z.string(), z.unknown()),
});

/** Output of `messages <name> -o json`, and each line of `messages -o jsonl`. */
export const MessageReport = Message.extend({ schema: z.literal("tu-analyze/message@1") });
export type MessageReport = z.infer<typeof MessageReport>;

/** Output of `messages -o json`. */
export const MessagesReport = z.object({
  schema: z.literal("tu-analyze/messages@1"),
  messages: z.array(Message),
});
export type MessagesReport = z.infer<typeof MessagesReport>;

const Body = z.object({
  name: z.string(),
  transport: z.enum(["kafka", "rabbitmq"]),
  jsonSchema: z.record(z.string(), z.unknown()).optional(),
  example: z.record(z.string(), z.unknown()).optional(),
});

/** Each line of `messages --schema --example -o jsonl`. */
export const MessageBodyReport = Body.extend({ schema: z.literal("tu-analyze/message-body@1") });

/** Output of `messages -o json` with --schema, --example or both, for more than one document. */
export const MessageBodiesReport = z.object({
  schema: z.literal("tu-analyze/message-bodies@1"),
  bodies: z.array(Body),
});
