import type { ServiceName } from "../contracts/contract.ts";
import type { Message } from "../message.ts";
import type { Endpoint } from "../ports/endpoint.ts";

/** A message to be sent that has no id yet: the shell derives one from its cause. */
export type Draft = {
  readonly name: string;
  readonly payload: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the subject of the cause. */
  readonly subject?: string;
};
/** A message to oneself after `delayMs`. */
export type TimerDraft = {
  readonly name: string;
  readonly payload: unknown;
  readonly delayMs: number;
  /** See `Timer`. */
  readonly isPatience?: boolean;
};
export type Reaction = {
  readonly outgoing: readonly Draft[];
  readonly timers?: readonly TimerDraft[];
};
export const nothing: Reaction = { outgoing: [] };

/**
 * Takes a message and returns what follows from it. Idempotent: after a crash it may run again for the same
 * message, and must then have the same effects. Throws only for conditions that may pass (the message is
 * redelivered) or for a bug (it is parked eventually). Aborting `signal` stops the service: long-running work
 * rejects with its reason, and is redone by the next start.
 */
export type Handler = (message: Message, signal: AbortSignal) => Promise<Reaction>;

export type Service = {
  readonly name: ServiceName;
  readonly endpoints: readonly Endpoint[];
  /** By message name, including the service's own timers. */
  readonly handlers: Readonly<Record<string, Handler>>;
  /** Replaces handle-then-record for decisions that need the flow's recorded state. */
  readonly stateful?: StatefulHandler;
  /** How many messages it processes concurrently. */
  readonly prefetch: number;
};

export type StatefulReaction = Reaction & { readonly state: unknown; readonly ended: boolean };
/**
 * `state` is what this handler returned for the flow's previous message; undefined for the first. Throws for a
 * message it must not decide; nothing is recorded then.
 */
export type StatefulHandler = (
  state: unknown,
  message: Message,
) => Promise<StatefulReaction | "no change">;
