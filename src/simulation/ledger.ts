// What was done to a run, so that whatever failed in it can be explained by it.

export type FaultKind =
  /** The vision provider failed; about a picture. */
  | "vision"
  /** A request got no answer; about a flow. */
  | "call"
  /** A store refused; about the store. */
  | "store"
  /** A process died; about nothing in particular. */
  | "crash"
  /** A broker was away, or did not take or deliver something; about nothing in particular. */
  | "transport"
  /** A handler broke on a message that was put in for it; about which, and whose handler. */
  | "poison"
  /** The clock was set; about nothing in particular. */
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
