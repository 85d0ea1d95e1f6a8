import type { Clock, Ids, Journal, JournalEntry, Reporter, Timers } from "../ports.ts";
import type { Publish } from "./publish.ts";

/** What the shell around a service works with. */
export type ShellPorts = {
  readonly journal: Journal;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly reporter: Reporter;
  readonly publish: Publish;
};

/** Sends what an entry says: the second of the three verbs. Repeating it is harmless. */
export async function send(entry: JournalEntry, ports: ShellPorts): Promise<void> {
  await ports.publish(entry.outgoing);
  for (const timer of entry.timers) ports.timers.schedule(timer);
  if (entry.flow?.ended === true) ports.timers.cancelFlow(entry.message.flowId);
}
