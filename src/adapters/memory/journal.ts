import type { Message } from "../../pipeline/message.ts";
import type { FlowRecord, Journal, JournalEntry, Unfinished } from "../../pipeline/ports.ts";

/**
 * Everything recorded, in memory. It knows of no other runner: what is unfinished is unfinished
 * for whoever asks, which is what a simulated crash wants.
 */
export function createMemoryJournal(): Journal {
  const entries: JournalEntry[] = [];
  const byMessage = new Map<string, JournalEntry>();
  const byFlow = new Map<string, JournalEntry[]>();
  const flows = new Map<string, FlowRecord>();

  const isOver = (work: Unfinished) =>
    work.type === "timer" &&
    flows.get(keyOf(work.timer.owner, work.timer.message.flowId))?.ended === true;
  return {
    async record(entry) {
      const { consumer, message, flow } = entry;
      const known = byMessage.get(keyOf(consumer, message.id));
      if (known !== undefined) return { outcome: "duplicate", entry: known };
      if (flow !== null) {
        const last = flows.get(keyOf(consumer, message.flowId))?.sequence ?? 0;
        if (flow.sequence !== last + 1) return { outcome: "conflict" };
        flows.set(keyOf(consumer, message.flowId), flow);
      }
      entries.push(entry);
      byMessage.set(keyOf(consumer, message.id), entry);
      const history = byFlow.get(message.flowId) ?? [];
      byFlow.set(message.flowId, history);
      history.push(entry);
      return { outcome: "recorded" };
    },
    find: async (consumer, messageId) => byMessage.get(keyOf(consumer, messageId)),
    flow: async (consumer, flowId) => flows.get(keyOf(consumer, flowId)),
    history: async (flowId) => [...(byFlow.get(flowId) ?? [])],
    async unfinished(consumersOf) {
      const found = new Map<string, Unfinished>();
      for (const entry of entries)
        for (const { owner, id, work } of workOf(entry, consumersOf)) {
          const key = keyOf(owner, id);
          if (!byMessage.has(key) && !isOver(work) && !found.has(key)) found.set(key, work);
        }
      return [...found.values()];
    },
  };
}

/** Who has to record what, for one entry to be finished. */
function* workOf(
  { outgoing, timers }: JournalEntry,
  consumersOf: (message: Message) => readonly string[],
): Generator<{ owner: string; id: string; work: Unfinished }> {
  for (const message of outgoing)
    for (const consumer of consumersOf(message))
      yield { owner: consumer, id: message.id, work: { type: "message", message, consumer } };
  for (const timer of timers)
    yield { owner: timer.owner, id: timer.message.id, work: { type: "timer", timer } };
}

const keyOf = (consumer: string, id: string) => `${consumer}\u0000${id}`;
