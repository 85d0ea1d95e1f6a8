import type { LogDelivery } from "../../pipeline/ports/event-log.ts";
import { type Assignment, nameOf } from "./assignment.ts";
import { unavailable } from "./errors.ts";
import type { Flight, PartitionReader } from "./partition-reader.ts";

const redeliveryDelayMs = 100;

type Delivering = {
  readonly group: string;
  readonly handler: (delivery: LogDelivery) => Promise<void>;
  readonly assignment: Assignment;
  /** Reports a handler that rejected. */
  readonly onError: (error: unknown, where: string) => void;
  /** A record was done, so there may be room for others. */
  readonly onDone: (reader: PartitionReader) => void;
};

/**
 * Runs the handlers. A delivery of an earlier membership rejects; one from a partition that went to another member in
 * an orderly rebalance changes nothing.
 */
export function createDeliveries(options: Delivering) {
  const { assignment, group, handler } = options;
  const running = new Set<Promise<void>>();
  const retries = new Set<NodeJS.Timeout>();
  let isClosing = false;

  const start = (reader: PartitionReader, flight: Flight): void => {
    const began = assignment.era();
    let isRetried = false;
    const isCurrent = () =>
      assignment.readers.get(nameOf(reader)) === reader && reader.isOpen(flight);
    const requireEra = () => {
      if (began !== assignment.era()) throw unavailable("lost in the meantime");
    };
    const again = (delayMs: number) => {
      if (isRetried) return;
      isRetried = true;
      const timer = setTimeout(() => {
        retries.delete(timer);
        if (!isClosing && isCurrent()) start(reader, flight);
      }, delayMs);
      retries.add(timer);
    };
    const delivery: LogDelivery = {
      ...flight.record,
      ...{ partition: reader.partition, offset: flight.offset },
      async commit() {
        requireEra();
        if (!isCurrent()) return;
        const next = reader.done(flight);
        if (next !== undefined && !isClosing) start(reader, next);
        options.onDone(reader);
      },
      async retry(delayMs) {
        requireEra();
        again(delayMs);
      },
    };
    const failed = (error: unknown) => {
      options.onError(error, `${group} of ${reader.topic}[${reader.partition}]`);
      again(redeliveryDelayMs);
    };
    // Not inside commit: its caller has not continued yet.
    const run = Promise.resolve()
      .then(() => handler(delivery))
      .catch(failed)
      .finally(() => running.delete(run));
    running.add(run);
  };
  return {
    start,
    /** Starts nothing any more; resolves when the running handlers have ended. */
    async close(): Promise<void> {
      isClosing = true;
      for (const timer of retries) clearTimeout(timer);
      await Promise.all(running);
    },
  };
}
