import type { Message } from "../message.ts";
import { type JournalEntry, parking } from "../ports/journal.ts";
import { toIso } from "../time.ts";
import { deadLetters } from "../topology.ts";
import { parkedHop } from "../trace/hops.ts";
import { toLatin1 } from "./bytes.ts";
import { deadLetterOf, letterIdOf } from "./dead-letter.ts";
import type { Service } from "./service.ts";
import type { ShellPorts } from "./shell.ts";
import type { Delivery } from "./wire.ts";

export type DeliveryFailure = {
  readonly code: string;
  readonly reason: string;
  readonly attempts: number;
  readonly firstAt: string;
};

/**
 * Records the dead letter for `arrived` and sends it. The record is separate: when delivered again, the message is
 * handled as if for the first time. Its neighbours continue once this resolves. However often one delivery is
 * parked, because of crashes or failing stores, the letter is the one recorded first.
 */
export async function park(
  service: Service,
  ports: ShellPorts,
  parked: { arrived: Delivery; message: Message; trouble: DeliveryFailure },
): Promise<void> {
  const { arrived, message, trouble } = parked;
  const lastAt = toIso(ports.clock.nowMs());
  const letter = deadLetterOf(
    { arrived, consumer: service.name, ...trouble, lastAt },
    message,
    ports.ids,
  );
  const entry: JournalEntry = {
    consumer: parking,
    message: { ...message, id: recordIdOf(letter.id) },
    outgoing: [letter],
    timers: [],
    flow: null,
    parks: { consumer: service.name, messageId: message.id },
  };
  const result = await ports.journal.record(entry);
  // On a queue the first attempt identifies the letter if the delivery comes again.
  if (arrived.wire.transport === "kafka") await ports.journal.pardon(service.name, message);
  await ports.relay.dispatch(result.outcome === "duplicate" ? result.entry : entry);
  ports.reporter.hop(
    parkedHop(message, {
      ...{ from: service.name, transport: arrived.wire.transport, to: deadLetters.queue },
      ...{ atMs: ports.clock.nowMs(), note: `${trouble.code}: ${trouble.reason}` },
    }),
  );
  ports.reporter.notice({
    code: trouble.code,
    message: `${service.name} parked ${message.name} (${arrived.origin}): ${trouble.reason}`,
    flowId: message.flowId,
  });
}

/** Whether the attempts that started at `firstAt` ended with a letter before this delivery arrived. */
export async function wasParked(
  service: Service,
  { ids, journal }: ShellPorts,
  tried: { arrived: Delivery; message: Message; firstAt: string },
): Promise<boolean> {
  const letterId = letterIdOf({ ...tried, consumer: service.name }, tried.message, ids);
  const entry = await journal.find(parking, recordIdOf(letterId));
  // Another process may have parked it since, assuming this one was dead.
  return entry?.outgoing.every(({ occurredAt }) => occurredAt <= tried.arrived.receivedAt) === true;
}

const recordIdOf = (letterId: string) => `${letterId} parked`;

/** An envelope for an unreadable body; its id is derived from the bytes and their origin. */
export function envelopeOfUnreadable(arrived: Delivery, { clock, ids }: ShellPorts): Message {
  const id = ids.derive(arrived.origin, toLatin1(arrived.body));
  return {
    id,
    name: arrived.contract.name,
    kind: arrived.contract.kind,
    flowId: arrived.headers["x-correlation-id"] ?? id,
    causationId: null,
    subject: arrived.key,
    occurredAt: toIso(clock.nowMs()),
    producer: arrived.headers["x-producer"] ?? arrived.route.producerHeader,
    schema: arrived.contract.schemaId,
    headers: {},
    payload: null,
  };
}
