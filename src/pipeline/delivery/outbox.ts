import { isInfrastructure, TuError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Clock, Journal, Reporter } from "../ports.ts";
import type { Publish } from "./publish.ts";

// The way out: many confirms in flight, the order of a subject kept.
//
//   O1. A message goes when its predecessor of the same subject was taken, and the window has room.
//   O2. Once a transport is in trouble the way is closed: what is recorded later must not overtake what is
//       owed. Whoever has sent all that is owed, in order, opens it again.
//   O3. A message that cannot be sent by itself holds up nobody; it stays owed.

export type Outbox = {
  /** Resolves when each of them was taken, or is owed. Never rejects. */
  put(messages: readonly Message[]): Promise<void>;
  /** The same for what is owed, whether the way is closed or not. False: the transport is still in trouble. */
  putOwed(messages: readonly Message[]): Promise<boolean>;
  isClosed(): boolean;
  open(): void;
  /** Whether anything was owed since `sweep`. */
  owes(): boolean;
  sweep(): void;
  /** For how long the way was closed since then. */
  closedMs(sinceMs: number): number;
};
type Outcome = "taken" | "refused" | "in trouble";

/** Messages that are with a transport and not confirmed. */
const windowSize = 1024;
const outagesMax = 100;

export function createOutbox(ports: {
  readonly publish: Publish;
  readonly journal: Pick<Journal, "sent">;
  readonly clock: Pick<Clock, "nowMs">;
  readonly reporter: Pick<Reporter, "notice">;
}): Outbox {
  const { clock, journal, publish, reporter } = ports;
  const lanes = new Map<string, Promise<unknown>>();
  const underway = new Set<string>();
  const told = new Set<string>();
  const room = createRoom(windowSize);
  const outages: { readonly fromMs: number; toMs: number | null }[] = [];
  let isClosed = false;
  let isOwed = false;

  const tell = (message: Message, code: string, error: unknown) => {
    if (told.has(message.id) || (isClosed && isInfrastructure(code))) return;
    told.add(message.id);
    const reason = error instanceof Error ? error.message : String(error);
    const text = `${message.name} (${message.id}) is recorded and not sent yet: ${reason}`;
    reporter.notice({ code, message: text, flowId: message.flowId });
  };
  const close = () => {
    if (isClosed) return;
    isClosed = true;
    outages.push({ fromMs: clock.nowMs(), toMs: null });
    if (outages.length > outagesMax) outages.shift();
  };
  const attempt = async (message: Message): Promise<Outcome> => {
    try {
      await publish(message);
    } catch (error) {
      const code = error instanceof TuError ? error.code : "E_BUG";
      tell(message, code, error);
      isOwed = true;
      if (!isInfrastructure(code)) return "refused";
      close();
      return "in trouble";
    }
    journal.sent([message]);
    told.delete(message.id);
    return "taken";
  };
  const sendOne = async (message: Message, mayGo: () => boolean): Promise<Outcome> => {
    await room.enter();
    try {
      if (mayGo()) return await attempt(message);
      isOwed = true;
      return "in trouble";
    } finally {
      room.leave();
      underway.delete(message.id);
    }
  };
  const inLane = (message: Message, mayGo: () => boolean): Promise<Outcome> => {
    const { id, subject } = message;
    underway.add(id);
    const before = lanes.get(subject) ?? Promise.resolve();
    const sending = before.then(() => sendOne(message, mayGo));
    lanes.set(subject, sending);
    void sending.then(() => {
      if (lanes.get(subject) === sending) lanes.delete(subject);
    });
    return sending;
  };
  return {
    async put(messages) {
      if (isClosed) isOwed ||= messages.length > 0;
      else await Promise.all(messages.map((message) => inLane(message, () => !isClosed)));
    },
    async putOwed(messages) {
      let isInTrouble = false;
      const waiting = messages.filter(({ id }) => !underway.has(id));
      await Promise.all(
        waiting.map(async (message) => {
          const outcome = await inLane(message, () => !isInTrouble);
          isInTrouble ||= outcome === "in trouble";
        }),
      );
      return !isInTrouble;
    },
    isClosed: () => isClosed,
    open() {
      isClosed = false;
      const last = outages.at(-1);
      if (last !== undefined) last.toMs ??= clock.nowMs();
    },
    owes: () => isOwed,
    sweep() {
      isOwed = false;
    },
    closedMs: (sinceMs) =>
      outages
        .map(({ fromMs, toMs }) => (toMs ?? clock.nowMs()) - Math.max(fromMs, sinceMs))
        .reduce((sum, ms) => sum + Math.max(0, ms), 0),
  };
}

/** So many at once; the others wait in their order. */
function createRoom(size: number) {
  const waiting: (() => void)[] = [];
  let inside = 0;
  return {
    async enter(): Promise<void> {
      if (inside >= size) await new Promise<void>((resolve) => waiting.push(resolve));
      inside += 1;
    },
    leave(): void {
      inside -= 1;
      waiting.shift()?.();
    },
  };
}
