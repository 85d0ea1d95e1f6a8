// Records the faults of a run, which must explain whatever failed in it.

export type FaultKind =
  /** The vision provider failed; the subject is the picture. */
  | "vision"
  /** A request got no response; the subject is the flow. */
  | "call"
  /** A store refused; the subject is the store. */
  | "store"
  /** A process died; no subject. */
  | "crash"
  /** A broker was away, or did not accept or deliver something; no subject. */
  | "transport"
  /** A handler threw on a poison message; the subject is the message and the consumer. */
  | "poison"
  /** The clock was set; no subject. */
  | "clock";

export type Ledger = {
  note(kind: FaultKind, about?: string): void;
  count(kind: FaultKind, about?: string): number;
};

export function createLedger(): Ledger {
  const counts = new Map<string, number>();
  return {
    note(kind, about = "") {
      for (const key of new Set([kind, `${kind} ${about}`]))
        counts.set(key, (counts.get(key) ?? 0) + 1);
    },
    count: (kind, about) => counts.get(about === undefined ? kind : `${kind} ${about}`) ?? 0,
  };
}
