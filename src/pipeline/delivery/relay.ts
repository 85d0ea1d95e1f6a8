import { describeError } from "../errors.ts";
import type { Message, Timer } from "../message.ts";
import type { Clock } from "../ports/clock.ts";
import type { Journal, JournalEntry, JournalPlace, Owed } from "../ports/journal.ts";
import type { Reporter } from "../ports/reporter.ts";
import type { Timers } from "../ports/timers.ts";
import type { Transport, TransportState } from "../ports/transport.ts";
import { toEpochMs } from "../time.ts";
import { type AdoptedFlow, adoptedFlows } from "./adopted-flows.ts";
import { createFarTimers } from "./far-timers.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import type { Publish } from "./publish.ts";

// Ensures that everything recorded is sent, without a restart, no matter which process recorded it.
//
//   L1. An entry's messages are sent once it is recorded; those that a transport did not take stay owed in the
//       journal, and are sent in the order of recording when the transport is available again.
//   L2. The work of dead runners is adopted continuously: their messages are sent again, their timers scheduled, or
//       left in the journal until they are near (`far-timers.ts`). Consumers skip messages they have recorded, so
//       resending is harmless.
//   L3. A store may report a failure and have recorded all the same. When the message arrives again, the record's
//       messages are sent; other such records are found by polling.
//   L4. Memory holds only work in progress: what is owed is read page by page.

export type Relay = {
  /** Sends an entry's messages. Resolves when transports have taken them, or the relay will send them later. */
  dispatch(entry: JournalEntry): Promise<void>;
  /** Adopts what earlier runs left behind; resolves when all of it is adopted. Keeps polling until closed. */
  start(): Promise<void>;
  /** Recording that message failed, but the record may exist. */
  doubt(consumer: string, messageId: string): void;
  /** Whether it was in doubt; clears the doubt. */
  wasDoubted(consumer: string, messageId: string): boolean;
  /** How long nothing could be sent since then, in milliseconds. */
  heldMs(sinceMs: number): number;
  /** Stops polling. Resolves when running work has finished. */
  close(): Promise<void>;
};
export type RelayPorts = {
  readonly journal: Journal;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly reporter: Reporter;
  readonly publish: Publish;
  /** What is adopted, page by page, before any of it is sent. Its failure is reported and changes nothing. */
  readonly onAdopted?: (flows: readonly AdoptedFlow[]) => Promise<void>;
  /** How long before its due time an adopted timer is read. Default 5 000. */
  readonly nearMs?: number;
  /** Their recovery wakes the relay, without waiting for the next poll. */
  readonly transports?: readonly Pick<Transport, "onState">[];
};

const lookEveryMs = 2_000;
const pageSize = 1_000;

export function createRelay(ports: RelayPorts): Relay {
  const { clock, journal, reporter, timers } = ports;
  const outbox = createOutbox(ports);
  const far = createFarTimers(ports);
  const closing = new AbortController();
  const doubts = new Map<string, { readonly consumer: string; readonly messageId: string }>();
  let waking = new AbortController();
  const wake = (state: TransportState) => {
    if (state === "back" || state === "unblocked") waking.abort();
  };
  const forget = (ports.transports ?? []).map((transport) => transport.onState(wake));
  let looking: Promise<void> | undefined;
  const sendOwed = createSweep(journal, outbox, closing.signal);
  const takeOver = async (): Promise<void> => {
    let page: readonly Owed[];
    do {
      const found = await journal.adopt(pageSize);
      const nowMs = clock.nowMs();
      page = found.map((owed) => begunAgain(owed, nowMs));
      if (page.length > 0) await ports.onAdopted?.(adoptedFlows(page)).catch(tell);
      await take(page);
    } while (page.length > 0 && !closing.signal.aborted);
  };
  const take = async (page: readonly Owed[]): Promise<void> => {
    const messages: Message[] = [];
    for (const owed of page) {
      if (owed.type === "message") messages.push(owed.message);
      else if (!far.keep(owed.timer, owed.place)) timers.schedule(owed.timer);
    }
    await outbox.put(messages);
  };
  const dispatch: Relay["dispatch"] = async ({ flow, message, outgoing, timers: scheduled }) => {
    for (const timer of scheduled) timers.schedule(begunNow(timer, clock.nowMs()));
    if (flow?.ended === true) timers.cancelFlow(message.flowId);
    await outbox.put(outgoing);
  };
  /** Another process may have found the record in doubt, and assumed it was sent. */
  const resolveDoubts = async (): Promise<void> => {
    for (const [key, { consumer, messageId }] of doubts) {
      const entry = await journal.find(consumer, messageId);
      if (doubts.delete(key) && entry !== undefined) await dispatch(entry);
    }
  };
  const look = async (): Promise<void> => {
    await resolveDoubts();
    await sendOwed();
    if (!outbox.isClosed()) await takeOver();
  };
  const lookUntilClosed = async (): Promise<void> => {
    while (!closing.signal.aborted) {
      const signal = AbortSignal.any([closing.signal, waking.signal]);
      await clock.sleep(lookEveryMs, signal).catch(() => undefined); // woken, or closing
      waking = new AbortController();
      if (!closing.signal.aborted) await look().catch(tell);
    }
  };
  const tell = (error: unknown) => {
    const { code, reason } = describeError(error);
    reporter.notice({ code, message: `checking the outbox failed: ${reason}`, flowId: null });
  };
  return {
    dispatch,
    async start() {
      await takeOver();
      looking ??= lookUntilClosed();
    },
    doubt: (consumer, messageId) =>
      void doubts.set(`${consumer} ${messageId}`, { consumer, messageId }),
    wasDoubted: (consumer, messageId) => doubts.delete(`${consumer} ${messageId}`),
    heldMs: outbox.closedMs,
    async close() {
      closing.abort();
      for (const listening of forget) listening();
      await Promise.all([looking, far.close()]);
    },
  };
}

/** Sends what is owed, and reopens the outbox when nothing is left. */
function createSweep(journal: Journal, outbox: Outbox, closing: AbortSignal): () => Promise<void> {
  /** Unsent at the last sweep: anything unsent since then may still be in flight. */
  let seen: ReadonlySet<string> = new Set();

  /** False: a transport is in trouble, or the relay is closing. */
  const sweep = async (): Promise<boolean> => {
    const seenNow = new Set<string>();
    let after: JournalPlace | null = null;
    do {
      const page = await journal.unsent({ after, limit: pageSize });
      const due = page.messages.filter(({ id }) => outbox.isClosed() || seen.has(id));
      if (!(await outbox.putOwed(due)) || closing.aborted) return false;
      for (const { id } of page.messages) if (seenNow.size < pageSize) seenNow.add(id);
      after = page.next;
    } while (after !== null);
    seen = seenNow;
    return true;
  };
  // Repeats until a full pass finds nothing that was added meanwhile.
  return async () => {
    do {
      outbox.sweep();
      if (!(await sweep())) return;
    } while (outbox.isClosed() && outbox.owes());
    outbox.open();
  };
}

/** A patience restarts where the request behind it is repeated; an agreed time is kept. */
function begunAgain(owed: Owed, nowMs: number): Owed {
  if (owed.type === "message" || owed.timer.isPatience !== true) return owed;
  return { ...owed, timer: begunNow(owed.timer, nowMs) };
}

/** Keeps the length of the wait as decided, however the clock was set since. */
function begunNow(timer: Timer, nowMs: number): Timer {
  return { ...timer, dueAtMs: nowMs + timer.dueAtMs - toEpochMs(timer.message.occurredAt) };
}
