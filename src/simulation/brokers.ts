import type { Broker, Publication } from "../pipeline/ports/broker.ts";
import type { EventLog, LogRecord } from "../pipeline/ports/event-log.ts";
import type { Nature } from "./faults.ts";
import { createKafka } from "./kafka.ts";
import { createRabbit } from "./rabbit.ts";
import type { Life } from "./scheduler.ts";

// Brokers that behave as badly as real ones may: they keep what they took, and deliver it at least
// once, in almost any order. Each process gets its own connection; a crash closes it, and an outage
// takes it away from all of them for a while.

export type SimulatedBrokers = {
  /** Everything that was ever taken, in order. */
  readonly taken: readonly Publication[];
  readonly appended: readonly LogRecord[];
  /** Whoever else has a connection: what it sends arrives once. False: not now, or there is no such place. */
  readonly foreign: {
    append(record: LogRecord): boolean;
    put(queue: string, publication: Publication): boolean;
  };
  connect(life: Life): { readonly broker: Broker; readonly log: EventLog };
  /** Gives back what dead processes held, and delivers what can be delivered. */
  turn(): void;
  /** An embedded broker dies with its process, and with it whoever heard of the messages that are `lost`. */
  wipe(lost: ReadonlySet<string>): void;
};

/** It was never told to anybody who lives. */
export function forget(taken: Publication[], messageIds: ReadonlySet<string>): void {
  const left = taken.filter(({ properties }) => !messageIds.has(properties.messageId ?? ""));
  taken.splice(0, taken.length, ...left);
}

export function createSimulatedBrokers(nature: Nature): SimulatedBrokers {
  const rabbit = createRabbit(nature);
  const kafka = createKafka(nature);
  return {
    taken: rabbit.taken,
    appended: kafka.appended,
    foreign: { append: kafka.put, put: rabbit.put },
    connect: (life) => ({ broker: rabbit.connect(life), log: kafka.connect(life) }),
    turn() {
      rabbit.turn();
      kafka.turn();
    },
    wipe(lost) {
      rabbit.wipe();
      kafka.wipe();
      forget(rabbit.taken, lost);
    },
  };
}
