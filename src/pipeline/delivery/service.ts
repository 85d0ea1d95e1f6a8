import type { ServiceName } from "../contracts/contract.ts";
import type { Message } from "../message.ts";
import type { Endpoint } from "../ports/endpoint.ts";

/** A message to be sent, before it has an id: the shell derives that from its cause. */
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
 * Takes a message and says what follows from it. Idempotent: it may run again for the same message
 * after a crash, and its effects must then be the same. Throws only for what may be better later
 * (the message is delivered again) or for a bug (it is parked in the end). When `signal` is aborted the
 * service stops: work that takes long rejects with its reason, and is done again by the next start.
 */
export type Handler = (message: Message, signal: AbortSignal) => Promise<Reaction>;

export type Service = {
  readonly name: ServiceName;
  readonly endpoints: readonly Endpoint[];
  /** By message name. Timers of the service's own are named here too. */
  readonly handlers: Readonly<Record<string, Handler>>;
  /** Replaces handle-then-record where the decision needs the flow's recorded state. */
  readonly stateful?: StatefulHandler;
  /** Messages it works on at the same time. */
  readonly prefetch: number;
};

export type StatefulReaction = Reaction & { readonly state: unknown; readonly ended: boolean };
/**
 * `state` is what this handler returned for the flow's last message; undefined for the first. Throws for
 * what it must not decide; nothing is recorded then.
 */
export type StatefulHandler = (
  state: unknown,
  message: Message,
) => Promise<StatefulReaction | "no change">;
