import type { Fingerprints } from "../ports/fingerprints.ts";
import type { Journal } from "../ports/journal.ts";
import type { Machines } from "../ports/machines.ts";
import type { Vision } from "../ports/vision.ts";

// Within one process a message is handed on before its record is on disk: commits are ordered, so a crash loses the
// cause of a record only together with the record. That holds only for what is in the journal's file.
//
//   B1. Anything that acts outside of that file waits until everything recorded before is on disk: a response to a
//       request, an event for a client, a store, a third-party service, a transport that outlives us.
//   B2. A failed commit revokes nothing that was handed on: it is retried until it succeeds, and nothing else is
//       recorded meanwhile.

export type ActingOutside = {
  readonly vision: Pick<Vision, "read">;
  readonly machines: Pick<Machines, "save">;
  readonly fingerprints: Pick<Fingerprints, "save">;
};

/** The same ports, with their effects delayed until the journal is durable. */
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

/** The same call, once everything recorded before is on disk. */
export function behind<A extends readonly unknown[], R>(
  durable: Journal["durable"],
  call: (...args: A) => Promise<R>,
): (...args: A) => Promise<R> {
  return async (...args) => {
    await durable();
    return call(...args);
  };
}
