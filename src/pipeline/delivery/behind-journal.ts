import type { Fingerprints } from "../ports/fingerprints.ts";
import type { Journal } from "../ports/journal.ts";
import type { Machines } from "../ports/machines.ts";
import type { Vision } from "../ports/vision.ts";

// Within one process a message is handed on before its record is on the disk: commits are in order, so a crash
// takes what led to a record only together with it. That holds for what is in the journal's file alone.
//
//   B1. What acts outside of that file waits until all that was recorded before is on the disk: an answer to a
//       request, an event for a client, a store, a service of somebody else, a transport that outlives us.
//   B2. A commit that fails takes nothing back from those that were told: it is tried until it succeeds, and
//       nothing is recorded meanwhile.

export type ActingOutside = {
  readonly vision: Pick<Vision, "read">;
  readonly machines: Pick<Machines, "save">;
  readonly fingerprints: Pick<Fingerprints, "save">;
};

/** The same ports, whose effects wait for the journal. */
export function behindJournal<P extends ActingOutside>(
  ports: P,
  { durable }: Pick<Journal, "durable">,
): P {
  const { fingerprints, machines, vision } = ports;
  return {
    ...ports,
    vision: { ...vision, read: behind(durable, vision.read) },
    machines: { ...machines, save: behind(durable, machines.save) },
    fingerprints: { ...fingerprints, save: behind(durable, fingerprints.save) },
  };
}

/** The same call, when all that was recorded before is on the disk. */
export function behind<A extends readonly unknown[], R>(
  durable: Journal["durable"],
  call: (...args: A) => Promise<R>,
): (...args: A) => Promise<R> {
  return async (...args) => {
    await durable();
    return call(...args);
  };
}
