import { inflateRawSync } from "node:zlib";
import type { Message, Timer } from "../../pipeline/message.ts";
import type { JournalEntry } from "../../pipeline/ports/journal.ts";
import { type Caused, type Consequences, type Sender, sharedBy, withShared } from "./entry-row.ts";

// Up to schema 4 an entry was one body. Read when a file is brought up, and nowhere else.

type Common = Pick<Message, "occurredAt" | "producer" | "headers">;
type BodyV3 = {
  readonly v: 3;
  readonly subject: string;
  readonly message: Omit<Message, "id" | "flowId" | "subject"> | null;
  readonly from: Sender | null;
  readonly common?: Common;
  readonly outgoing: readonly Caused[];
  readonly timers: readonly (Omit<Timer, "message"> & { readonly message: Caused })[];
  readonly parks?: JournalEntry["parks"];
};
/** Every caused message had all fields but those of its cause. */
type BodyV2 = Omit<BodyV3, "v" | "common"> & { readonly v: 2 };
/** As schema 1 had it. */
type BodyV1 = Pick<BodyV3, "outgoing" | "timers"> & {
  readonly v?: undefined;
  readonly message: Omit<Message, "id" | "flowId">;
};

/** What such a body says: the message or its sender, and what follows. */
export function readEarlier(
  body: string | Uint8Array,
  { id, flowId }: Pick<Message, "id" | "flowId">,
): { readonly taken: Message; readonly sender: Sender | null } & Consequences {
  const text = typeof body === "string" ? body : inflateRawSync(body).toString("utf8");
  const read = upcast(JSON.parse(text) as BodyV3 | BodyV2 | BodyV1); // an earlier version wrote it
  const { common, from, message, outgoing, parks, subject, timers } = read;
  const shared = sharedBy({ id, flowId, subject }, common);
  return {
    // Of one that is referred to only the subject is known, and needed.
    taken: { id, flowId, subject, ...(message ?? unsaid) },
    sender: from,
    outgoing: outgoing.map((caused) => withShared(caused, shared)),
    timers: timers.map((timer) => ({ ...timer, message: withShared(timer.message, shared) })),
    ...(parks === undefined ? {} : { parks }),
  };
}

const unsaid: Omit<Message, "id" | "flowId" | "subject"> = {
  ...{ name: "", kind: "event" as const, causationId: null, occurredAt: "", producer: "" },
  ...{ schema: "", headers: {}, payload: null },
};

function upcast(body: BodyV3 | BodyV2 | BodyV1): BodyV3 {
  if (body.v === 3) return body;
  if (body.v === 2) return { ...body, v: 3 };
  const { subject, ...message } = body.message;
  const timers = body.timers.map((timer) =>
    isTimeout(timer.message.payload) ? { ...timer, isPatience: true } : timer,
  );
  return { ...body, v: 3, subject, message, timers, from: null };
}

/** Schema 1 did not say which timers restart their wait after a restart: the timeouts of steps. */
const isTimeout = (payload: unknown): boolean =>
  (payload as { readonly purpose?: unknown } | null)?.purpose === "timeout"; // the engine wrote it
