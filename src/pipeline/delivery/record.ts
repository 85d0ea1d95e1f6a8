import { TuError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { JournalEntry } from "../ports/journal.ts";
import { toJournalEntry } from "./journal-entry.ts";
import type { Reaction, Service, StatefulHandler } from "./service.ts";
import type { ShellPorts } from "./shell.ts";

type Named = Pick<Service, "name">;

const contendedMax = 20;

/**
 * Records what an HTTP request caused; from then on the request is accepted, and its messages are sent whatever
 * happens. `cause.id` identifies the request: repeating it has no effect.
 */
export async function recordRequest(
  service: Named,
  cause: Message,
  reaction: Reaction,
  ports: ShellPorts,
): Promise<void> {
  const answering = { ...ports, handsOnEarly: false };
  const entry = await recordReaction(service, cause, async () => reaction, answering);
  if (entry !== undefined) void ports.relay.dispatch(entry); // never rejects
}

/** Decides a message once; undefined if it was decided before. Recorded when it resolves. */
export async function recordReaction(
  service: Named,
  message: Message,
  handler: () => Promise<Reaction>,
  ports: ShellPorts,
): Promise<JournalEntry | undefined> {
  const known = await ports.journal.find(service.name, message.id);
  if (known !== undefined) return unlessSent(known, ports);
  const reaction = await handler();
  const entry: JournalEntry = {
    ...toJournalEntry(message, reaction, contextOf(service, ports)),
    flow: null,
  };
  const result = await recorded(entry, ports);
  return result.outcome === "duplicate" ? unlessSent(result.entry, ports) : entry;
}

/** The same for a consumer with state per flow: guarded by the flow's sequence, decided again on conflict. */
export async function recordDecision(
  service: Named,
  message: Message,
  handler: StatefulHandler,
  ports: ShellPorts,
): Promise<JournalEntry | undefined> {
  for (let attempt = 1; attempt <= contendedMax; attempt += 1) {
    const entry = await decideOn(service, message, handler, ports);
    const result = await recorded(entry, ports);
    if (result.outcome === "recorded") return entry;
    if (result.outcome === "duplicate") return unlessSent(result.entry, ports);
  }
  throw new TuError(
    "E_JOURNAL_CONTENDED",
    `flow ${message.flowId}: another process keeps writing its history`,
    { hint: "stop the other process, or give each one its own --state-dir" },
  );
}

async function recorded(entry: JournalEntry, { handsOnEarly, journal, links, relay }: ShellPorts) {
  try {
    const result = await (handsOnEarly ? journal.accept(entry) : journal.record(entry));
    // Before sending: messages that follow may return without their flow.
    if (result.outcome === "recorded") for (const message of entry.outgoing) links.note(message);
    return result;
  } catch (error) {
    relay.doubt(entry.consumer, entry.message.id);
    throw error;
  }
}

/** An earlier decision was sent when it was made, unless its record was in doubt. */
function unlessSent(entry: JournalEntry, { relay }: ShellPorts): JournalEntry | undefined {
  return relay.wasDoubted(entry.consumer, entry.message.id) ? entry : undefined;
}

async function decideOn(
  service: Named,
  message: Message,
  handler: StatefulHandler,
  ports: ShellPorts,
): Promise<JournalEntry> {
  const flow = await ports.journal.flow(service.name, message.flowId);
  const reaction = await handler(flow?.state, message);
  if (reaction === "no change") {
    // Guarded like a change while the flow is running: to ignore a message based on stale state could lose a result.
    const guard =
      flow === undefined || flow.ended ? null : { ...flow, sequence: flow.sequence + 1 };
    return { consumer: service.name, message, outgoing: [], timers: [], flow: guard };
  }
  return {
    ...toJournalEntry(message, reaction, contextOf(service, ports)),
    flow: {
      sequence: (flow?.sequence ?? 0) + 1,
      state: reaction.state,
      ended: reaction.ended,
    },
  };
}

function contextOf(service: Named, { clock, ids }: ShellPorts) {
  return { service: service.name, ids, nowMs: clock.nowMs() };
}
