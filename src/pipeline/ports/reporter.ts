import type { Delivery } from "../delivery/wire.ts";
import type { Message } from "../message.ts";

/** One arrival: a message or a request that reached one receiver. */
export type Hop = {
  readonly flowId: string;
  readonly name: string;
  readonly kind: "command" | "event" | "timer" | "request" | "write";
  readonly transport: "graphql" | "http" | "kafka" | "rabbitmq" | "graphql-ws" | "timer" | "store";
  readonly from: string;
  readonly to: string;
  readonly atMs: number;
  readonly messageId: string | null;
  readonly causationId: string | null;
  /** A short remark (`attempt 2/3`, `known`, …). */
  readonly note: string | null;
};

/** What a hop carried: its message, and the delivery in which that arrived on a transport. */
export type Carried = { readonly message: Message; readonly delivery: Delivery | null };

export interface Reporter {
  /** `carried` is undefined for requests, writes, and what another process reports. */
  hop(hop: Hop, carried?: Carried): void;
  /** Something a user should know that is not a hop: a redelivery, a parked message, a resumed flow. */
  notice(notice: {
    readonly code: string;
    readonly message: string;
    readonly flowId: string | null;
  }): void;
}
