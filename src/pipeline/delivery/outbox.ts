import { describeError, type ErrorCode, isInfrastructure } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Clock } from "../ports/clock.ts";
import type { Journal } from "../ports/journal.ts";
import type { Reporter } from "../ports/reporter.ts";
import { createLanes } from "./lanes.ts";
import { createOutages } from "./outages.ts";
import type { Publish } from "./publish.ts";

// Sends messages: many confirms in flight, in order per subject.
//
//   O1. A message is sent once its predecessor with the same subject was taken and the window has room.
//   O2. While a transport is in trouble the outbox is closed: messages recorded later must not overtake those that
//       are owed. It is reopened once everything owed was sent, in order.
//   O3. A message that cannot be sent blocks no other; it stays owed.

export type Outbox = {
  /** Resolves when each message was taken or is owed. Never rejects. */
  put(messages: readonly Message[]): Promise<void>;
  /** The same for owed messages, even while closed. False: the transport is still in trouble. */
  putOwed(messages: readonly Message[]): Promise<boolean>;
  isClosed(): boolean;
  open(): void;
  /** Whether anything was owed since `sweep`. */
  owes(): boolean;
  sweep(): void;
  /** How long the outbox was closed since then. */
  closedMs(sinceMs: number): number;
};
/** The first message that finds a transport in trouble closes it; the rest are not tried. */
type Way = { readonly isClosed: () => boolean; readonly close: () => void };

/** Messages sent to a transport and not yet confirmed. */
const windowSize = 1024;

export function createOutbox(ports: {
  readonly publish: Publish;
  readonly journal: Pick<Journal, "sent">;
  readonly clock: Pick<Clock, "nowMs">;
  readonly reporter: Pick<Reporter, "notice">;
}): Outbox {
  const { journal, publish, reporter } = ports;
  const lanes = createLanes(windowSize);
  const outages = createOutages(ports.clock);
  const underway = new Set<string>();
  const known = new Set<string>();
  let isOwed = false;

  const tell = (message: Message, code: ErrorCode, reason: string) => {
    if (known.has(message.id) || (outages.isOn() && isInfrastructure(code))) return;
    known.add(message.id);
    const text = `${message.name} (${message.id}) is recorded but not sent yet: ${reason}`;
    reporter.notice({ code, message: text, flowId: message.flowId });
  };
  const attempt = async (message: Message, way: Way): Promise<void> => {
    try {
      await publish(message);
    } catch (error) {
      const { code, reason } = describeError(error);
      tell(message, code, reason);
      isOwed = true;
      if (isInfrastructure(code)) way.close();
      return;
    }
    journal.sent([message]);
    known.delete(message.id);
  };
  const send = (message: Message, way: Way): Promise<void> => {
    underway.add(message.id);
    return lanes.run(message.subject, async () => {
      if (way.isClosed()) isOwed = true;
      else await attempt(message, way);
      underway.delete(message.id);
    });
  };
  const ordinary: Way = { isClosed: outages.isOn, close: outages.begin };
  return {
    async put(messages) {
      if (outages.isOn()) isOwed ||= messages.length > 0;
      else await Promise.all(messages.map((message) => send(message, ordinary)));
    },
    async putOwed(messages) {
      let isInTrouble = false;
      const way: Way = {
        isClosed: () => isInTrouble,
        close() {
          isInTrouble = true;
          outages.begin();
        },
      };
      const waiting = messages.filter(({ id }) => !underway.has(id));
      await Promise.all(waiting.map((message) => send(message, way)));
      return !isInTrouble;
    },
    isClosed: outages.isOn,
    open: outages.end,
    owes: () => isOwed,
    sweep() {
      isOwed = false;
    },
    closedMs: outages.ms,
  };
}
