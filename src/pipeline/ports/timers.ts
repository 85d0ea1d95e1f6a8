import type { Timer } from "../message.ts";
import type { Subscription } from "./transport.ts";

/** Messages to oneself, later. Durable because they are recorded before they are scheduled. */
export interface Timers {
  schedule(timer: Timer): void;
  /** Cancels whatever is still scheduled for a flow. */
  cancelFlow(flowId: string): void;
  consume(owner: string, handler: (timer: Timer) => Promise<void>): Subscription;
}
