import type { Contract, Route } from "../contracts/contract.ts";
import { toUtf8 } from "../delivery/bytes.ts";
import { headerNames } from "../delivery/headers.ts";
import { describeIssues } from "../delivery/issues.ts";
import { respell } from "../delivery/tolerant.ts";
import { type Encoded, encode, enveloped, type Wire } from "../delivery/wire.ts";
import { examplePayload } from "../delivery/wire-shape.ts";
import { TuError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import type { Destination } from "../ports/publisher.ts";
import { toDotnetIso, toIso } from "../time.ts";
import { withField } from "./set-fields.ts";

// From a message of the catalogue to what is sent: the template, what was changed in it, and the envelope.

/** A message, and the form in which it is sent. */
export type Draft = {
  readonly message: Message;
  readonly destination: Destination;
  readonly wire: Wire;
};

export type DraftInput = {
  readonly contract: Contract;
  /** Null: the first of its routes. */
  readonly transport: Route["transport"] | null;
  /** The body: a payload to be validated, or bytes that are sent as they are; null: the template. */
  readonly body: { readonly payload: unknown } | { readonly bytes: Uint8Array } | null;
  /** `path=value`; changes the payload. */
  readonly sets: readonly string[];
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Kafka's key or the routing key; null: that of the message. */
  readonly key: string | null;
  /** Null: a new one. */
  readonly id: string | null;
  /** The flow that it joins; null: a new one. */
  readonly flowId: string | null;
};

type Ports = { readonly ids: Ids; readonly clock: Pick<Clock, "nowMs"> };

/** Throws E_USAGE for what the message does not have, or a body that its schema refuses. */
export function drafted(input: DraftInput, ports: Ports): Draft {
  const route = routeFor(input);
  const { body, contract } = input;
  if (body !== null && "bytes" in body) {
    const message = messageOf(input, route, {}, ports);
    return withOwn(draftOf(message, enveloped(message, route, body.bytes)), input);
  }
  const message = messageOf(input, route, payloadFor(input, route, ports), ports);
  requireValid(contract, route, message.payload);
  return withOwn(draftOf(message, encode(message)), input);
}

function routeFor({ contract, transport }: DraftInput): Route {
  const route = contract.routes.find((one) => transport === null || one.transport === transport);
  if (route !== undefined) return route;
  throw new TuError("E_USAGE", `${contract.name} does not travel over ${transport}`, {
    hint: `it travels over ${contract.routes.map((one) => one.transport).join(" and ")}`,
  });
}

/** The template, or what was given instead, with its changes. */
function payloadFor({ body, contract, sets }: DraftInput, route: Route, ports: Ports) {
  const given = body === null ? template(contract, route, ports) : payloadIn(body, route);
  return sets.reduce<Record<string, unknown>>(
    (payload, assignment) => withField(payload, assignment, route.body),
    given,
  );
}

function payloadIn(body: object, route: Route): Record<string, unknown> {
  const payload = "payload" in body ? body.payload : null;
  if (typeof payload !== "object" || payload === null || Array.isArray(payload))
    throw new TuError("E_USAGE", "--data must be a JSON object", {
      hint: "see `tu-analyze messages <name> --example`, or send anything with --no-validate",
    });
  return respell(route.body, payload) as Record<string, unknown>; // of an object
}

/** The example, with an id and a time of its own. */
function template(contract: Contract, route: Route, { clock, ids }: Ports) {
  const example = examplePayload(contract, route);
  return {
    ...example,
    ...("uploadId" in example ? { uploadId: ids.create() } : {}),
    ...("occurredAt" in example ? { occurredAt: toDotnetIso(clock.nowMs()) } : {}),
  };
}

function messageOf(
  { contract, flowId, headers, id, key }: DraftInput,
  { producerHeader }: Route,
  payload: Record<string, unknown>,
  { clock, ids }: Ports,
): Message {
  const { kind, name, schemaId: schema } = contract;
  const given = (header: string) => headers.findLast(([one]) => one === header)?.[1];
  const { objectKey } = payload;
  return {
    ...{ name, kind, schema, payload, headers: {} },
    id: id ?? given(headerNames.messageId) ?? ids.create(),
    flowId: given(headerNames.correlationId) ?? flowId ?? ids.create(),
    causationId: given(headerNames.causationId) ?? null,
    subject: typeof objectKey === "string" ? objectKey : (key ?? ""),
    occurredAt: given(headerNames.occurredAt) ?? toIso(clock.nowMs()),
    producer: producerHeader,
  };
}

function requireValid({ name }: Contract, { body, transport }: Route, payload: unknown): void {
  const { error } = body.safeParse(payload);
  if (error === undefined) return;
  throw new TuError("E_USAGE", `the body of ${name} on ${transport}: ${describeIssues(error)}`, {
    hint: `see \`tu-analyze messages ${name} --schema\`, or send it with --no-validate`,
  });
}

function draftOf(message: Message, encoded: Encoded): Draft {
  if (encoded.transport === "kafka") {
    const { topic, ...wire } = encoded.record;
    const { transport } = encoded;
    return { message, destination: { transport, topic }, wire: { transport, ...wire } };
  }
  const { exchange, ...wire } = encoded.publication;
  const { transport } = encoded;
  return { message, destination: { transport, exchange }, wire: { transport, ...wire } };
}

/** With the headers and the key of the command line in place of the message's. */
function withOwn(draft: Draft, { headers, key }: DraftInput): Draft {
  const { wire } = draft;
  const names = headers.map(([name]) => name);
  if (wire.transport === "kafka") {
    const own = headers.map(([name, value]) => ({ name, value: toUtf8(value) }));
    const others = wire.headers.filter(({ name }) => !names.includes(name));
    const changed = { ...wire, headers: [...others, ...own] };
    return { ...draft, wire: key === null ? changed : { ...changed, key: toUtf8(key) } };
  }
  const all = { ...wire.headers, ...Object.fromEntries(headers) };
  return { ...draft, wire: { ...wire, headers: all, routingKey: key ?? wire.routingKey } };
}
