import type { Contract, Route } from "../contracts/contract.ts";
import type { Message } from "../message.ts";
import type { Hop } from "../ports/reporter.ts";

// Every kind of hop.

type Request = Pick<Hop, "flowId" | "name" | "from" | "to" | "atMs"> & {
  readonly transport: "graphql" | "http";
};

/** A request to a service. */
export const requestHop = (request: Request): Hop => ({
  ...request,
  kind: "request",
  messageId: null,
  causationId: null,
  note: null,
});

type Arrival = { readonly contract: Contract; readonly route: Route };
type At = { readonly to: string; readonly atMs: number; readonly note: string | null };

/** A message reached one of its consumers. */
export const messageHop = (message: Message, { contract, route }: Arrival, at: At): Hop => ({
  ...about(message),
  name: message.name,
  kind: contract.kind,
  transport: route.transport,
  from: route.producer,
  ...at,
});

/** A timer fired. */
export function timerHop(message: Message, owner: string, atMs: number): Hop {
  const { attempt, purpose, step } = { ...(message.payload as Record<string, unknown>) }; // our own
  const what = [step, purpose].filter((part) => typeof part === "string").join(" ");
  return {
    ...about(message),
    name: what === "" ? message.name : what,
    kind: "timer",
    transport: "timer",
    from: owner,
    to: owner,
    atMs,
    note: typeof attempt === "number" ? `attempt ${attempt}` : null,
  };
}

type Write = Pick<Hop, "name" | "from" | "to" | "atMs" | "note">;

/** A service stored something in response to a message. */
export const writeHop = (cause: Message, write: Write): Hop => ({
  ...write,
  flowId: cause.flowId,
  kind: "write",
  transport: "store",
  messageId: null,
  causationId: cause.id,
});

type Parked = Pick<Hop, "from" | "to" | "transport" | "atMs" | "note">;

/** A consumer gave a message up, with its reason; it is a dead letter now. */
export const parkedHop = (cause: Message, parked: Parked): Hop => ({
  ...parked,
  flowId: cause.flowId,
  name: `${cause.name} parked`,
  kind: "write",
  messageId: null,
  causationId: cause.id,
});

type Told = Pick<Hop, "flowId" | "name" | "atMs"> & { readonly eventId: string };

/** A subscribed client received an event. */
export const clientHop = ({ eventId, ...told }: Told): Hop => ({
  ...told,
  kind: "event",
  transport: "graphql-ws",
  from: "graph-gateway",
  to: "client",
  messageId: null,
  causationId: eventId,
  note: null,
});

const about = ({ causationId, flowId, id }: Message) => ({ flowId, messageId: id, causationId });
