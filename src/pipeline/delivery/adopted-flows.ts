import type { Message, Timer } from "../message.ts";
import type { Owed } from "../ports/journal.ts";

/** What a dead process left behind of one flow. */
export type AdoptedFlow = {
  readonly flowId: string;
  /** They are sent again now. */
  readonly messages: readonly Message[];
  /** Obsolete ones included: only their owner knows whether it still waits for them. */
  readonly timers: readonly Timer[];
};

/** By flow, in the order of recording. */
export function adoptedFlows(page: readonly Owed[]): readonly AdoptedFlow[] {
  const flows = new Map<string, { readonly messages: Message[]; readonly timers: Timer[] }>();
  for (const owed of page) {
    const { flowId } = owed.type === "message" ? owed.message : owed.timer.message;
    let flow = flows.get(flowId);
    if (flow === undefined) {
      flow = { messages: [], timers: [] };
      flows.set(flowId, flow);
    }
    if (owed.type === "message") flow.messages.push(owed.message);
    else flow.timers.push(owed.timer);
  }
  return [...flows].map(([flowId, flow]) => ({ flowId, ...flow }));
}
