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

export interface Reporter {
  hop(hop: Hop): void;
  /** Something a user should know that is not a hop: a redelivery, a parked message, a resumed flow. */
  notice(notice: {
    readonly code: string;
    readonly message: string;
    readonly flowId: string | null;
  }): void;
}
