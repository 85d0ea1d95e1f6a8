// The imperative shell around every service: record, publish, acknowledge. It holds no rules.
//
//   C1. A delivery is acknowledged only after it is recorded. Its outgoing messages are sent then, and those that
//       cannot be sent now are left to the relay; after a crash in between they are sent again: same ids, same
//       bodies. Whether the record must be on disk by then depends on who receives them (`behind-journal.ts`).
//   C2. A message that this consumer has recorded is never decided again, and has no further effect.
//   C3. A message that cannot be read, or that fails too often, across all processes (`delivery-failures.ts`), is
//       parked with its reason; its neighbours continue. Nothing is dropped.
//   C4. A failing store or transport is not the message's fault: the message is redelivered indefinitely.

import { TuError } from "../errors.ts";
import type { Message, Timer } from "../message.ts";
import type { JournalEntry } from "../ports/journal.ts";
import { toEpochMs } from "../time.ts";
import { messageHop, timerHop } from "../trace/hops.ts";
import { createDeliveryFailures, type Settle } from "./delivery-failures.ts";
import { linkNote } from "./flow-links.ts";
import { headerNames } from "./headers.ts";
import { envelopeOfUnreadable } from "./park.ts";
import { recordDecision, recordReaction } from "./record.ts";
import { nothing, type Reaction, type Service } from "./service.ts";
import type { ShellPorts } from "./shell.ts";
import { createStopping } from "./stopping.ts";
import { createUnidentified } from "./unidentified.ts";
import { type Delivery, decode } from "./wire.ts";

export type Consumer = {
  /** Processes one delivery and settles it. Never rejects because of the message's content. */
  onArrived(arrived: Delivery, settle: Settle): Promise<void>;
  /** Rejects if the timer could not be processed; the timers port then redelivers it. */
  onTimer(timer: Timer): Promise<void>;
  /** Aborts long-running work: its deliveries stay unsettled, and are redelivered to the next start. */
  stop(): void;
};

/** A redelivered event arrives soon after the first delivery. */
const heardMax = 1024;

export function createConsumer(service: Service, ports: ShellPorts): Consumer {
  const { clock, ids, journal, relay, reporter } = ports;
  const failures = createDeliveryFailures(service, ports);
  const unidentified = createUnidentified(service.name, ports);
  const stopping = createStopping();
  const isGivenUp = (error: unknown) => stopping.signal.aborted && error === stopping.signal.reason;
  const heard = createRecent(heardMax);
  const takenBy = ({ route }: Delivery) => {
    const consumer = route.consumers.find((each) => each.service === service.name);
    if (consumer?.isEphemeral === true) return pass;
    return consumer?.isPerInstance === true ? hear : work;
  };

  return {
    async onArrived(delivered, settle) {
      if (hasId(delivered)) return workOff(delivered, settle);
      const named = await unidentified.named(delivered, settle).catch(async (error: unknown) => {
        const message = envelopeOfUnreadable(delivered, ports);
        await failures.handle(delivered, message, error, settle);
      });
      if (named !== undefined) await workOff(named.arrived, named.settle);
    },
    async onTimer(timer) {
      const longer = withTimeHeld(timer);
      if (longer !== null) return ports.timers.schedule(longer);
      try {
        const { message } = timer;
        const fired = () => timerHop(message, service.name, clock.nowMs());
        await work(message, () => reporter.hop(fired(), { message, delivery: null }));
      } catch (error) {
        if (!isGivenUp(error)) throw error;
      }
    },
    stop: stopping.stop,
  };

  async function workOff(arrived: Delivery, settle: Settle): Promise<void> {
    const decoded = decode(arrived, ids);
    if (!decoded.readable) {
      const error = new TuError(decoded.code, decoded.reason);
      return failures.handle(arrived, envelopeOfUnreadable(arrived, ports), error, settle);
    }
    let { message } = decoded;
    try {
      message = await ports.links.linked(message, namesFlow(arrived));
      reportLink(service, arrived, message, ports);
      const at = { to: service.name, atMs: clock.nowMs(), note: noteOf(message) };
      reporter.hop(messageHop(message, arrived, at), { message, delivery: arrived });
      await takenBy(arrived)(message);
    } catch (error) {
      return isGivenUp(error) ? undefined : failures.handle(arrived, message, error, settle);
    }
    failures.settled(message);
    await settle.done();
  }

  /** Calls `onChange` if the message changed something, before its consequences are sent. */
  async function work(message: Message, onChange: () => void = () => undefined): Promise<void> {
    const entry = await decided(message);
    if (entry === undefined) return;
    if (entry.outgoing.length > 0 || entry.timers.length > 0) onChange();
    await relay.dispatch(entry);
  }

  /** An event that another instance has recorded is still new to this one, once. */
  async function hear(message: Message): Promise<void> {
    await journal.durable();
    if (!heard.has(message.id)) await handle(message);
    heard.add(message.id);
    await recordReaction(service, message, async () => nothing, ports);
  }

  async function decided(message: Message): Promise<JournalEntry | undefined> {
    if (service.stateful !== undefined) {
      return recordDecision(service, message, service.stateful, ports);
    }
    return recordReaction(service, message, () => handle(message), ports);
  }

  async function pass(message: Message): Promise<void> {
    await journal.durable();
    await handle(message);
    if (failures.hasFailed(message)) await journal.pardon(service.name, message);
  }

  async function handle(message: Message): Promise<Reaction> {
    const handler = service.handlers[message.name];
    if (handler !== undefined) return stopping.during((signal) => handler(message, signal));
    throw new TuError("E_BUG", `${service.name} has no handler for ${message.name}`);
  }

  /** Extends a patience that is due by the time of the outage, once; null if it has had that. */
  function withTimeHeld(timer: Timer): Timer | null {
    const { dueAtMs, heldMs: had = 0, isPatience, message } = timer;
    if (isPatience !== true) return null;
    const nowMs = clock.nowMs();
    const heldMs = relay.heldMs(toEpochMs(message.occurredAt));
    const leftMs = heldMs - had - Math.max(0, nowMs - dueAtMs);
    return leftMs > 0 ? { ...timer, dueAtMs: nowMs + leftMs, heldMs } : null;
  }
}

/** In a log a record's position serves as its id; in a queue one has to be made. */
function hasId({ headers, route }: Delivery): boolean {
  return route.transport === "kafka" || headers[headerNames.messageId] !== undefined;
}

/** A forwarder marks messages that have no flow. */
function namesFlow({ headers }: Delivery): boolean {
  return (
    headers[headerNames.correlationId] !== undefined && headers[headerNames.flowLink] !== "none"
  );
}

/** Certain links are not reported. */
function reportLink(
  service: Service,
  { origin }: Delivery,
  { flowId, headers, name }: Message,
  { reporter }: ShellPorts,
): void {
  const said = {
    time: "assigned to the only waiting analysis, as a guess",
    none: "its flow is unknown, so it gets a flow of its own",
  }[headers[headerNames.flowLink] ?? ""];
  if (said === undefined) return;
  const message = `${service.name} received ${name} (${origin}) without a picture: ${said}`;
  reporter.notice({ code: "flow-unnamed", message, flowId });
}

/** The most recent ids. */
function createRecent(most: number) {
  const ids = new Set<string>();
  return {
    has: (id: string) => ids.has(id),
    add(id: string): void {
      ids.add(id);
      for (const oldest of ids) if (ids.size > most) ids.delete(oldest);
    },
  };
}

/** What distinguishes this hop from the usual one: a repeated attempt, a reason, a verdict. */
function noteOf(message: Message): string | null {
  const { headers, payload } = message;
  const linked = linkNote(message);
  if (linked !== null) return linked;
  if (headers[headerNames.flowLink] === "none") return "no flow";
  const attempt = headers["x-attempt"];
  if (attempt !== undefined && attempt !== "1") {
    return `attempt ${attempt}/${headers["x-attempts"] ?? "?"}`;
  }
  if (typeof payload !== "object" || payload === null) return null;
  const fields: Record<string, unknown> = { ...payload };
  if (typeof fields["reason"] === "string") {
    const which = `attempt ${String(fields["attempt"])}/${String(fields["attempts"])}`;
    return `${which}: ${String(fields["code"])}: ${fields["reason"]}`;
  }
  return typeof fields["verdict"] === "string" ? fields["verdict"] : null;
}
