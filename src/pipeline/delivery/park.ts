import type { Message } from "../message.ts";
import { type JournalEntry, parking } from "../ports/journal.ts";
import { toIso } from "../time.ts";
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
 * Records the dead letter for `arrived` and sends it. It is a record of its own: delivered anew, the
 * message is handled as if for the first time. Its neighbours go on once this resolves. However often one
 * delivery is parked, because of crashes or stores in trouble, the letter is the one recorded first.
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
  // On a queue the first try is what the letter is known by when the delivery comes again.
  if (arrived.wire.transport === "kafka") await ports.journal.pardon(service.name, message);
  await ports.relay.dispatch(result.outcome === "duplicate" ? result.entry : entry);
  ports.reporter.notice({
    code: trouble.code,
    message: `${service.name} parked ${message.name} (${arrived.origin}): ${trouble.reason}`,
    flowId: message.flowId,
  });
}

/** Whether the tries that began then ended with a letter, before this delivery came. */
export async function wasParked(
  service: Service,
  { ids, journal }: ShellPorts,
  tried: { arrived: Delivery; message: Message; firstAt: string },
): Promise<boolean> {
  const letterId = letterIdOf({ ...tried, consumer: service.name }, tried.message, ids);
  const entry = await journal.find(parking, recordIdOf(letterId));
  // Another process may have parked it since, because we seemed to be gone.
  return entry?.outgoing.every(({ occurredAt }) => occurredAt <= tried.arrived.receivedAt) === true;
}

const recordIdOf = (letterId: string) => `${letterId} parked`;

/** An envelope for a body that nobody can read; its id identifies the bytes and their place. */
export function envelopeOfUnreadable(arrived: Delivery, { clock, ids }: ShellPorts): Message {
  const text = Array.from(arrived.body, (byte) => String.fromCharCode(byte)).join("");
  const id = ids.derive(arrived.origin, text);
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
