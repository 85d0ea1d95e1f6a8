import * as z from "zod";

/**
 * The envelope inside the tool. On the wire the body is only the payload, and the rest travels in headers
 * (`delivery/wire.ts`).
 *
 * `command` goes to one handler, `event` to any listener. `timer` and `request` never leave the process: a timer is
 * a message to oneself at a later time, a request is an HTTP call that a service recorded as the cause of what it
 * sent.
 */
export const Message = z.object({
  id: z.string().min(1),
  name: z.string().min(1),
  kind: z.enum(["command", "event", "timer", "request"]),
  /** Correlation id of one analysis. */
  flowId: z.string().min(1),
  /** Id of the message that caused this one; null at the start of a flow. */
  causationId: z.string().nullable(),
  /** The object key. */
  subject: z.string(),
  /** ISO 8601, UTC. */
  occurredAt: z.string(),
  producer: z.string(),
  /** `<name>.v<major>` */
  schema: z.string(),
  headers: z.record(z.string(), z.string()),
  payload: z.unknown(),
});
export type Message = Readonly<z.infer<typeof Message>>;

/** The payload carries what the owner needs; `dueAtMs` is the due time, `owner` the recipient. */
export type Timer = {
  readonly message: Message;
  readonly dueAtMs: number;
  readonly owner: string;
  /** It limits a wait for another party: time in which nothing could be sent does not count. */
  readonly isPatience?: boolean;
  /** How much of that time has already been added, in milliseconds. */
  readonly heldMs?: number;
};
