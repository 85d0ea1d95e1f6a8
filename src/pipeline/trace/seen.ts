import { AnalysisCompleted } from "../contracts/analysis.ts";
import { StepFailed } from "../contracts/failure.ts";
import { headerNames } from "../delivery/headers.ts";
import { storedWire } from "../delivery/stored-wire.ts";
import type { SeenFlow } from "../domain/seen-flow.ts";
import type { Message } from "../message.ts";
import type { Seen, SeenPart } from "../ports/flow-store.ts";
import type { Carried, Hop } from "../ports/reporter.ts";

// From what is reported to what is kept of a flow.

/** What an observer knows of every flow. */
export type Observing = Pick<SeenFlow, "flow" | "seenAt">;

/** A hop, as something that was seen of a flow. */
export function seenHop(hop: Hop, carried: Carried | undefined, observer: Observing): SeenPart {
  const { atMs, from, name, note, to } = hop;
  const about = {
    ...unknown(hop, observer),
    last: { name, from, to, atMs },
    picture: name === "startUpload" ? note : null,
    machineId: hop.kind === "write" && to === "machines" ? note : null,
    ...(carried === undefined ? {} : factsOf(carried.message, hop.atMs)),
  };
  return { about, seen: [{ type: "hop", hop, travelled: travelledIn(carried) }] };
}

/** A notice about a flow, as something that was seen of it. */
export function seenNotice(
  notice: Omit<Extract<Seen, { type: "notice" }>, "type">,
  observer: Observing,
): SeenPart {
  const about = { ...unknown(notice, observer), notices: 1 };
  return { about, seen: [{ type: "notice", ...notice }] };
}

const unknown = (
  { atMs, flowId }: { readonly flowId: string; readonly atMs: number },
  { flow, seenAt }: Observing,
): SeenFlow => ({
  ...{ flowId, flow, seenAt, status: "running" },
  ...{ objectKey: null, uploadId: null, picture: null },
  ...{ startedAtMs: atMs, lastAtMs: atMs, endedAtMs: null },
  ...{ last: null, attempts: 1, failure: null, machine: null, machineId: null, notices: 0 },
});

function factsOf(message: Message, atMs: number): Partial<SeenFlow> {
  const { headers, name, payload, subject } = message;
  const attempts = Number(headers[headerNames.attempt] ?? 1);
  return {
    objectKey: subject === "" ? null : subject,
    ...(Number.isInteger(attempts) ? { attempts } : {}),
    ...uploadIn(payload),
    ...(name === "analysis.completed" ? completedBy(payload, atMs) : {}),
    ...(name === "analysis.failed" ? failedBy(payload, atMs) : {}),
  };
}

function uploadIn(payload: unknown): Partial<SeenFlow> {
  const { uploadId } = { ...(payload as { uploadId?: unknown } | null) };
  return typeof uploadId === "string" && uploadId !== "" ? { uploadId } : {};
}

function completedBy(payload: unknown, endedAtMs: number): Partial<SeenFlow> {
  const { data } = AnalysisCompleted.safeParse(payload);
  const aggregate = data?.recognitionPayload?.aggregate;
  const machine =
    aggregate === undefined
      ? null
      : {
          name: aggregate.name,
          confidence: aggregate.confidence,
          verdict: data?.comparison?.verdict ?? null,
        };
  return { status: "completed", endedAtMs, machine, machineId: data?.machineId ?? null };
}

function failedBy(payload: unknown, endedAtMs: number): Partial<SeenFlow> {
  const { data } = StepFailed.safeParse(payload);
  const { attempt: attempts = 1, code = "", reason = "", step = "" } = data ?? {};
  return { status: "failed", endedAtMs, attempts, failure: { step, code, reason } };
}

function travelledIn(carried: Carried | undefined): Extract<Seen, { type: "hop" }>["travelled"] {
  if (carried === undefined || carried.delivery === null) return null;
  const { delivery, message } = carried;
  return { origin: delivery.origin, subject: message.subject, wire: storedWire(delivery.wire) };
}
