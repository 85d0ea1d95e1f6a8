import type { Message } from "../message.ts";
import { type JournalEntry, parking } from "../ports.ts";
import { toIso } from "../time.ts";
import { deadLetterOf } from "./dead-letter.ts";
import type { Service } from "./service.ts";
import type { ShellPorts } from "./shell.ts";
import type { Arrived } from "./wire.ts";

export type Trouble = {
  readonly code: string;
  readonly reason: string;
  readonly attempts: number;
  readonly firstAt: string;
};

/**
 * Records the dead letter for `arrived` and sends it. It is a record of its own: delivered again, the
 * message is handled as if for the first time. Its neighbours go on once this resolves.
 */
export async function park(
  service: Service,
  ports: ShellPorts,
  parked: { arrived: Arrived; message: Message; trouble: Trouble },
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
    message: { ...message, id: `${letter.id} parked` },
    outgoing: [letter],
    timers: [],
    flow: null,
    parks: { consumer: service.name, messageId: message.id },
  };
  await ports.journal.record(entry);
  await ports.journal.pardon(service.name, message);
  await ports.relay.send(entry);
  ports.reporter.notice({
    code: trouble.code,
    message: `${service.name} parked ${message.name} (${arrived.origin}): ${trouble.reason}`,
    flowId: message.flowId,
  });
}

/** An envelope for a body that nobody can read; its id identifies the bytes and their place. */
export function envelopeOfUnreadable(arrived: Arrived, { clock, ids }: ShellPorts): Message {
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
