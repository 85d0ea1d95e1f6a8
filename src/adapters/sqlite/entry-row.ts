import { deflateRawSync, inflateRawSync } from "node:zlib";
import type { Message, Timer } from "../../pipeline/message.ts";
import type { JournalEntry } from "../../pipeline/ports/journal.ts";
import { idOf, type Key } from "./keys.ts";
import type { Text } from "./schema.ts";

// How a decision is written down. Every message once: one that an entry of this file sent is referred to
// by the entry that took it, and what is caused leaves out what it shares with its cause and its siblings.

/** The entry that sent a message, and the place among what it sent. */
export type Sender = readonly [seq: number, position: number];

/** What says which message was taken. */
export type MessageColumns = {
  readonly message_id: Key;
  readonly flow_id: Key;
  /** The message, or null: then the next two say who sent it. */
  readonly message: Text | null;
  readonly from_seq: number | null;
  readonly from_position: number | null;
};
/** What says what follows from it. */
export type ConsequencesColumns = {
  readonly message_id: Key;
  readonly flow_id: Key;
  readonly consequences: Text | null;
};

/** Goes up with every change of the shapes below; what is older is brought up when it is read. */
const version = 4;
type Taken = Omit<Message, "id" | "flowId"> & { readonly v: typeof version };
/** What all that an entry sends and sets has in common, most times. */
type Common = Pick<Message, "occurredAt" | "producer" | "headers">;
/** Defaults of a message that was caused by another. */
type Shared = Pick<Message, "flowId" | "causationId" | "subject"> & Partial<Common>;
type Left = keyof Shared | "schema";
export type Caused = Omit<Message, Left> & {
  readonly [Field in Left]?: Message[Field] | undefined;
};
type CausedTimer = Omit<Timer, "message"> & { readonly message: Caused };
type Following = {
  readonly v: typeof version;
  readonly subject: string;
  /** Of the first of those below. */
  readonly common?: Common;
  readonly outgoing?: readonly Caused[];
  readonly timers?: readonly CausedTimer[];
  readonly parks?: JournalEntry["parks"];
};
export type Consequences = Pick<JournalEntry, "outgoing" | "timers" | "parks">;

/** Throws what JSON.stringify throws for a payload that is not JSON. */
export function messageText({ id: _, flowId: __, ...rest }: Message): string {
  return JSON.stringify({ v: version, ...rest } satisfies Taken);
}

/** Null when nothing follows. Throws like `messageText`. */
export function consequencesText(entry: Consequences & Pick<JournalEntry, "message">) {
  const { message, outgoing, parks, timers } = entry;
  const first = outgoing[0] ?? timers[0]?.message;
  if (first === undefined && parks === undefined) return null;
  const common = commonOf(first);
  const shared = sharedBy(message, common);
  const following: Following = {
    v: version,
    subject: message.subject,
    ...(common === undefined ? {} : { common }),
    ...(outgoing.length === 0
      ? {}
      : { outgoing: outgoing.map((one) => withoutShared(one, shared)) }),
    ...(timers.length === 0
      ? {}
      : {
          timers: timers.map((one) => ({ ...one, message: withoutShared(one.message, shared) })),
        }),
    ...(parks === undefined ? {} : { parks }),
  };
  return JSON.stringify(following);
}

/** From here on deflating a text (RFC 1951, about 35 µs) makes less than half of it. */
const deflatedFrom = 512;

/** What is written once more when a flow has ended, and seldom read again. */
export function packed(text: Text | null): Text | null {
  if (typeof text !== "string" || text.length < deflatedFrom) return text;
  return deflateRawSync(text);
}

const unpacked = (text: Text): string =>
  typeof text === "string" ? text : inflateRawSync(text).toString("utf8");

export const parsed = (text: Text): unknown => JSON.parse(unpacked(text));

/** The message an entry took, if it is stored there; otherwise a reference to its sender. */
export function messageOf(row: MessageColumns): Message | Sender {
  const id = idOf(row.message_id);
  if (row.message !== null) {
    const { v: _, ...rest } = parsed(row.message) as Taken; // messageText wrote it
    return { id, flowId: idOf(row.flow_id), ...rest };
  }
  if (row.from_seq !== null && row.from_position !== null) return [row.from_seq, row.from_position];
  throw new Error(`the entry of message ${id} names neither it nor its sender`);
}

const nothing: Consequences = { outgoing: [], timers: [] };

/** What follows from an entry. */
export const toJournalEntry = (row: ConsequencesColumns): Consequences =>
  consequencesFrom(row.consequences, { id: idOf(row.message_id), flowId: idOf(row.flow_id) });

/** The same of an entry that took that message. */
export function consequencesFrom(
  text: Text | null,
  taken: Pick<Message, "id" | "flowId">,
): Consequences {
  if (text === null) return nothing;
  const following = parsed(text) as Following; // consequencesText wrote it
  const { common, outgoing = [], parks, subject, timers = [] } = following;
  const shared = sharedBy({ ...taken, subject }, common);
  return {
    outgoing: outgoing.map((caused) => withShared(caused, shared)),
    timers: timers.map((timer) => ({ ...timer, message: withShared(timer.message, shared) })),
    ...(parks === undefined ? {} : { parks }),
  };
}

export function commonOf(first: Message | undefined): Common | undefined {
  if (first === undefined) return undefined;
  const { headers, occurredAt, producer } = first;
  return { occurredAt, producer, headers };
}

export function sharedBy(
  { flowId, id, subject }: Pick<Message, "id" | "flowId" | "subject">,
  common: Common | undefined,
): Shared {
  if (common === undefined) return { flowId, causationId: id, subject };
  const { headers, occurredAt, producer } = common;
  return { flowId, causationId: id, subject, occurredAt, producer, headers };
}

const schemaOf = (name: string) => `${name}.v1`;

/** A field that is undefined is not written. */
function withoutShared(caused: Message, shared: Shared): Caused {
  const { causationId, flowId, headers, id, kind, name, occurredAt, payload } = caused;
  const { producer, schema, subject } = caused;
  return {
    id,
    name,
    kind,
    flowId: flowId === shared.flowId ? undefined : flowId,
    causationId: causationId === shared.causationId ? undefined : causationId,
    subject: subject === shared.subject ? undefined : subject,
    occurredAt: occurredAt === shared.occurredAt ? undefined : occurredAt,
    producer: producer === shared.producer ? undefined : producer,
    schema: schema === schemaOf(name) ? undefined : schema,
    headers: haveSameHeaders(headers, shared.headers) ? undefined : headers,
    payload,
  };
}

export function haveSameHeaders(
  headers: Message["headers"],
  others: Message["headers"] | undefined,
): boolean {
  if (headers === others) return true;
  const names = Object.keys(headers);
  if (others === undefined || names.length !== Object.keys(others).length) return false;
  return names.every((name) => headers[name] === others[name]);
}

/** What was written is its own, `causationId: null` too. Without common fields all of them were written. */
export function withShared(caused: Caused, shared: Shared): Message {
  const { causationId, id, kind, name, payload } = caused;
  return {
    id,
    name,
    kind,
    flowId: caused.flowId ?? shared.flowId,
    causationId: causationId === undefined ? shared.causationId : causationId,
    subject: caused.subject ?? shared.subject,
    occurredAt: caused.occurredAt ?? shared.occurredAt ?? "",
    producer: caused.producer ?? shared.producer ?? "",
    schema: caused.schema ?? schemaOf(name),
    headers: caused.headers ?? shared.headers ?? {},
    payload,
  };
}
