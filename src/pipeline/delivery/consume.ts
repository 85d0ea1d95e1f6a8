// The imperative shell around every service: record, publish, acknowledge. It holds no rules.
//
//   C1. Acknowledged only behind a durable record and behind the publishing of what it says. A crash
//       in between publishes again: same ids, same bodies.
//   C2. A message that this consumer recorded before is never decided again; its recorded outcome is
//       published again and the message acknowledged.
//   C3. A message that cannot be read, or that fails `attemptsMax` times, is parked with its reason;
//       its neighbours go on. Nothing is dropped.
//   C4. A store or a transport that is in trouble is not the message's fault: it is delivered again,
//       without end.

import { TuError } from "../errors.ts";
import type { Message, Timer } from "../message.ts";
import type { JournalEntry } from "../ports.ts";
import { toIso } from "../time.ts";
import { envelopeOfUnreadable, park, type Trouble } from "./park.ts";
import { recordDecision, recordReaction } from "./record.ts";
import type { Reaction, Service } from "./service.ts";
import { type ShellPorts, send } from "./shell.ts";
import { type Arrived, decode } from "./wire.ts";

/** How a delivery is settled, whatever the transport. */
export type Settle = {
  readonly done: () => Promise<void>;
  readonly again: (delayMs: number) => Promise<void>;
};
export type Consumer = {
  /** Works off one delivery and settles it. Never rejects for what the message contains. */
  onArrived(arrived: Arrived, settle: Settle): Promise<void>;
  /** Rejects when it could not be worked off; the timers port delivers it again. */
  onTimer(timer: Timer): Promise<void>;
  /** Has long work given up: what it was for stays unsettled, and is delivered again to the next start. */
  stop(): void;
};

const attemptsMax = 8;
const delayMaxMs = 5000;

export function createConsumer(service: Service, ports: ShellPorts): Consumer {
  const troubles = new Map<string, Trouble>();
  const stopping = new AbortController();
  const isGivenUp = (error: unknown) => stopping.signal.aborted && error === stopping.signal.reason;

  return {
    async onArrived(arrived, settle) {
      const decoded = decode(arrived, ports.ids);
      if (!decoded.readable) {
        const unreadable = envelopeOfUnreadable(arrived, ports);
        return parkAndSettle(arrived, unreadable, firstTrouble(decoded, unreadable), settle);
      }
      const { message } = decoded;
      reportHop(service, arrived, message, ports);
      try {
        await (isNews(service, arrived) ? pass(message) : work(message));
      } catch (error) {
        return isGivenUp(error) ? undefined : onTrouble(arrived, message, error, settle);
      }
      troubles.delete(message.id);
      await settle.done();
    },
    async onTimer({ message }) {
      try {
        await work(message, () => reportTimer(service, message, ports));
      } catch (error) {
        if (!isGivenUp(error)) throw error;
      }
    },
    stop: () => stopping.abort(),
  };

  /** `onChange` is told when the message changed something, before what follows from it is sent. */
  async function work(message: Message, onChange: () => void = () => undefined): Promise<void> {
    const entry = await decided(message);
    if (entry.outgoing.length > 0 || entry.timers.length > 0) onChange();
    await send(entry, ports);
  }

  async function decided(message: Message): Promise<JournalEntry> {
    if (service.stateful !== undefined) {
      return recordDecision(service, message, service.stateful, ports);
    }
    return recordReaction(service, message, () => handle(message), ports);
  }

  async function pass(message: Message): Promise<void> {
    await handle(message);
  }

  async function handle(message: Message): Promise<Reaction> {
    const handler = service.handlers[message.name];
    if (handler !== undefined) return handler(message, stopping.signal);
    throw new TuError("E_BUG", `${service.name} has no handler for ${message.name}`);
  }

  async function onTrouble(
    arrived: Arrived,
    message: Message,
    error: unknown,
    settle: Settle,
  ): Promise<void> {
    const trouble = troubleWith(message, error);
    if (trouble.attempts < attemptsMax || isNobodysFault(error)) {
      return settle.again(delayAfter(trouble.attempts));
    }
    await parkAndSettle(arrived, message, trouble, settle);
  }

  async function parkAndSettle(
    arrived: Arrived,
    message: Message,
    trouble: Trouble,
    settle: Settle,
  ): Promise<void> {
    try {
      await park(service, ports, { arrived, message, trouble });
    } catch (error) {
      return settle.again(delayAfter(troubleWith(message, error).attempts));
    }
    troubles.delete(message.id);
    await settle.done();
  }

  function troubleWith(message: Message, error: unknown): Trouble {
    const before = troubles.get(message.id);
    const trouble: Trouble = {
      code: error instanceof TuError ? error.code : "E_BUG",
      reason: error instanceof Error ? error.message : String(error),
      attempts: (before?.attempts ?? 0) + 1,
      firstAt: before?.firstAt ?? toIso(ports.clock.nowMs()),
    };
    troubles.set(message.id, trouble);
    ports.reporter.notice({
      code: trouble.code,
      message: `${service.name} could not work off ${message.name} (try ${trouble.attempts}): ${trouble.reason}`,
      flowId: message.flowId,
    });
    return trouble;
  }
}

function isNews({ name }: Service, { route }: Arrived): boolean {
  return route.consumers.some(({ isNews: only, service }) => service === name && only === true);
}

function firstTrouble(why: { code: string; reason: string }, message: Message): Trouble {
  return { code: why.code, reason: why.reason, attempts: 1, firstAt: message.occurredAt };
}

function delayAfter(attempts: number): number {
  return Math.min(50 * 2 ** (attempts - 1), delayMaxMs);
}

const nobodysFault: readonly string[] = [
  "E_STATE_BUSY",
  "E_STATE_FULL",
  "E_STATE_UNUSABLE",
  "E_JOURNAL_CONTENDED",
  "E_SERVICE_UNAVAILABLE",
];

function isNobodysFault(error: unknown): boolean {
  return error instanceof TuError && nobodysFault.includes(error.code);
}

function reportHop(
  service: Service,
  arrived: Arrived,
  message: Message,
  { clock, reporter }: ShellPorts,
): void {
  reporter.hop({
    flowId: message.flowId,
    name: message.name,
    kind: arrived.contract.kind,
    transport: arrived.route.transport,
    from: arrived.route.producer,
    to: service.name,
    atMs: clock.nowMs(),
    messageId: message.id,
    causationId: message.causationId,
    note: noteOf(message),
  });
}

/** A timer that changed something is part of the story: a timeout, or the wait before an attempt. */
function reportTimer(service: Service, message: Message, { clock, reporter }: ShellPorts): void {
  const { attempt, purpose, step } = { ...(message.payload as Record<string, unknown>) }; // our own
  const what = [step, purpose].filter((part) => typeof part === "string").join(" ");
  reporter.hop({
    flowId: message.flowId,
    name: what === "" ? message.name : what,
    kind: "timer",
    transport: "timer",
    from: service.name,
    to: service.name,
    atMs: clock.nowMs(),
    messageId: message.id,
    causationId: message.causationId,
    note: typeof attempt === "number" ? `attempt ${attempt}` : null,
  });
}

/** What makes this hop different from the usual one: a repeated attempt, a reason, a verdict. */
function noteOf({ headers, payload }: Message): string | null {
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
