import type { Broker, Publication } from "../pipeline/ports/broker.ts";
import type { EventLog, LogRecord } from "../pipeline/ports/event-log.ts";
import type { Nature } from "./faults.ts";
import { createKafka } from "./kafka.ts";
import { createRabbit } from "./rabbit.ts";
import type { Life } from "./scheduler.ts";

// Brokers that behave as badly as real ones may: they keep what they have accepted, and deliver it at least once,
// in almost any order. Each process has its own connection; a crash closes it, and an outage interrupts all of them
// for a while.

export type SimulatedBrokers = {
  /** Everything ever accepted, in order. */
  readonly taken: readonly Publication[];
  readonly appended: readonly LogRecord[];
  /**
   * Another client of the broker: what it sends arrives once. False: the broker is away, or the destination does
   * not exist.
   */
  readonly foreign: {
    append(record: LogRecord): boolean;
    put(queue: string, publication: Publication): boolean;
  };
  connect(life: Life): { readonly broker: Broker; readonly log: EventLog };
  /** Requeues what dead processes held, and delivers whatever can be delivered. */
  turn(): void;
  /** An embedded broker dies with its process, and with it everyone who knew of the messages that are `lost`. */
  wipe(lost: ReadonlySet<string>): void;
};

/** No surviving process has ever seen them. */
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
