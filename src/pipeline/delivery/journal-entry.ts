import { findContract } from "../contracts/catalogue.ts";
import type { Route } from "../contracts/contract.ts";
import { TuError } from "../errors.ts";
import type { Message, Timer } from "../message.ts";
import type { Ids } from "../ports/ids.ts";
import type { JournalEntry } from "../ports/journal.ts";
import { toIso } from "../time.ts";
import type { Draft, Reaction, TimerDraft } from "./service.ts";
import { validate } from "./validate.ts";

type Context = { readonly service: string; readonly ids: Ids; readonly nowMs: number };

/** Assigns ids and envelopes to a reaction. Deterministic: the same cause and reaction give the same ids. */
export function toJournalEntry(
  cause: Message,
  reaction: Reaction,
  context: Context,
): Omit<JournalEntry, "flow"> {
  return {
    consumer: context.service,
    message: cause,
    outgoing: reaction.outgoing.map((draft, index) => messageOf(draft, index, cause, context)),
    timers: (reaction.timers ?? []).map((draft, index) => timerOf(draft, index, cause, context)),
  };
}

function messageOf(draft: Draft, index: number, cause: Message, context: Context): Message {
  const { ids, nowMs, service } = context;
  const contract = findContract(draft.name);
  const route = contract?.routes.find(({ producer }) => producer === service);
  if (contract === undefined || route === undefined) {
    throw new TuError("E_MESSAGE_UNKNOWN", `${service} does not send ${draft.name}`);
  }
  return {
    id: ids.derive(cause.id, `${service}/${index}/${draft.name}`),
    name: draft.name,
    kind: contract.kind,
    flowId: cause.flowId,
    causationId: cause.id,
    subject: draft.subject ?? cause.subject,
    occurredAt: toIso(nowMs),
    producer: route.producerHeader,
    schema: contract.schemaId,
    headers: { ...inherited(cause), ...draft.headers },
    payload: asWritten(draft.payload, route),
  };
}

/** Records exactly what will be sent and received. Invalid payloads are left for the writer to refuse. */
function asWritten(payload: unknown, { body }: Route): unknown {
  const result = validate(body, payload);
  return result.success ? result.data : payload;
}

function timerOf(draft: TimerDraft, index: number, cause: Message, context: Context): Timer {
  const { ids, nowMs, service } = context;
  return {
    owner: service,
    dueAtMs: nowMs + draft.delayMs,
    ...(draft.isPatience === true ? { isPatience: true } : {}),
    message: {
      id: ids.derive(cause.id, `${service}/timer/${index}/${draft.name}`),
      name: draft.name,
      kind: "timer",
      flowId: cause.flowId,
      causationId: cause.id,
      subject: cause.subject,
      occurredAt: toIso(nowMs),
      producer: service,
      schema: `${draft.name}.v1`,
      headers: inherited(cause),
      payload: draft.payload,
    },
  };
}

const inheritedNames: readonly string[] = ["traceparent"];

function inherited(cause: Message): Record<string, string> {
  return Object.fromEntries(
    Object.entries(cause.headers).filter(([name]) => inheritedNames.includes(name)),
  );
}
