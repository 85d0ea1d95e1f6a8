import { catalogue } from "../contracts/catalogue.ts";
import { headerNames } from "../delivery/headers.ts";
import { wireOf } from "../delivery/stored-wire.ts";
import { TuError } from "../errors.ts";
import type { Destination } from "../ports/publisher.ts";
import { TraceRecord } from "../reports/records.ts";
import { headersOf } from "../trace/records.ts";
import type { Draft } from "./publish.ts";

// What `trace -o jsonl` printed, as messages to send again: the same bytes, keys and headers, each once.

/** Whether text is what `trace -o jsonl` prints. */
export const areRecords = (text: string): boolean =>
  /^\s*\{[^\n]*"schema":"tu-analyze\/trace-(?:record|notice)@1"/.test(text);

/** Requests, writes and notices are passed over. Throws E_USAGE, with the number of the line. */
export function recordedDrafts(text: string): readonly Draft[] {
  const drafts: Draft[] = [];
  const seen = new Set<string>();
  const lines = text.split("\n").map((line) => line.trim());
  for (const [index, line] of lines.entries()) {
    if (line === "") continue;
    const record = recordIn(line, index + 1);
    if (record === null || record.origin === null) continue;
    const key = identityOf(record);
    if (seen.has(key)) continue;
    seen.add(key);
    drafts.push(draftOf(record, index + 1));
  }
  return drafts;
}

function recordIn(line: string, number: number): TraceRecord | null {
  const parsed = parse(line, number);
  if (parsed["schema"] === "tu-analyze/trace-notice@1") return null;
  const { data, error } = TraceRecord.safeParse(parsed);
  if (data !== undefined) return data;
  throw refused(
    number,
    `is not a record of \`trace -o jsonl\` (${error.issues[0]?.message ?? ""})`,
  );
}

function parse(line: string, number: number): Record<string, unknown> {
  try {
    return { ...(JSON.parse(line) as object) };
  } catch {
    throw refused(number, "is not JSON");
  }
}

/**
 * A message is recorded for each of its consumers. Without an id of its own, its first consumer stands for all of
 * them.
 */
function identityOf(record: TraceRecord): string {
  const { from, messageId, name, origin, to, transport, wire } = record;
  const id = wire === null ? undefined : headersOf(wireOf(wire))[headerNames.messageId];
  if (transport === "kafka") return `${origin}`;
  return id === undefined ? `${name} ${messageId} ${to}` : `${name} ${from} ${id}`;
}

function draftOf(record: TraceRecord, number: number): Draft {
  const { at, causationId, flowId, from, name, subject, wire } = record;
  if (wire === null)
    throw refused(number, "has no body: it was printed with --no-body, which cannot be sent");
  const contract = catalogue.find((one) => one.name === name);
  const route = contract?.routes.find(
    (one) => one.transport === wire.transport && one.producer === from,
  );
  if (contract === undefined || route === undefined)
    throw refused(number, `has no destination: no ${name} travels from ${from}`);
  const destination: Destination =
    route.transport === "kafka"
      ? { transport: "kafka", topic: route.topic }
      : { transport: "rabbitmq", exchange: route.exchange };
  const message = {
    ...{ name, kind: contract.kind, flowId, causationId, headers: {}, payload: record.body },
    ...{ id: record.messageId ?? "", subject: subject ?? "", occurredAt: at },
    ...{ producer: route.producerHeader, schema: contract.schemaId },
  };
  return { message, destination, wire: wireOf(wire) };
}

const refused = (line: number, problem: string) =>
  new TuError("E_USAGE", `--data: line ${line} ${problem}`);
