import { TuError } from "../../pipeline/errors.ts";
import type { TransportState } from "../../pipeline/ports/transport.ts";

/** How tests and the simulation interrupt a transport and restore it. */
export type Outage = {
  lose(): void;
  restore(): void;
};

/** A connection to something in memory: up, lost or closed. */
export type Connection = Outage & {
  onState(listener: (state: TransportState) => void): () => void;
  isUp(): boolean;
  /** Throws E_SERVICE_UNAVAILABLE unless it is up. */
  requireUp(): void;
  /** The returned function throws E_SERVICE_UNAVAILABLE once the connection was lost or closed after this call. */
  hold(): () => void;
  block(): void;
  unblock(): void;
  /** Resolves when it is not blocked; rejects with E_SERVICE_UNAVAILABLE if it is lost first. */
  whenTaking(): Promise<void>;
  close(): void;
};

export function createConnection(
  name: string,
  { onLost, onBack }: { onLost: () => void; onBack: () => void },
): Connection {
  const listeners = new Set<(state: TransportState) => void>();
  let state: "up" | "lost" | "closed" = "up";
  /** Counts the connections so far: anything that belongs to an earlier one is stale. */
  let epoch = 0;
  let isBlocked = false;
  let waiting: (() => void)[] = [];

  const tell = (change: TransportState) => {
    for (const listener of [...listeners]) listener(change);
  };
  const unavailable = () =>
    new TuError("E_SERVICE_UNAVAILABLE", `the connection to ${name} is ${state}`);
  const requireUp = () => {
    if (state !== "up") throw unavailable();
  };
  const wake = () => {
    isBlocked = false;
    const woken = waiting;
    waiting = [];
    for (const resolve of woken) resolve();
  };
  const hold = () => {
    const held = epoch;
    return () => {
      if (held === epoch) return;
      throw new TuError(
        "E_SERVICE_UNAVAILABLE",
        `the connection to ${name} was lost in the meantime`,
      );
    };
  };
  const end = (how: "lost" | "closed") => {
    state = how;
    epoch += 1;
    wake();
  };
  return {
    onState(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    isUp: () => state === "up",
    requireUp,
    hold,
    lose() {
      if (state !== "up") return;
      end("lost");
      onLost();
      tell("lost");
    },
    restore() {
      if (state !== "lost") return;
      state = "up";
      onBack();
      tell("back");
    },
    block() {
      if (state !== "up" || isBlocked) return;
      isBlocked = true;
      tell("blocked");
    },
    unblock() {
      if (!isBlocked) return;
      wake();
      tell("unblocked");
    },
    async whenTaking() {
      requireUp();
      const check = hold();
      while (isBlocked) await new Promise<void>((resolve) => waiting.push(resolve));
      check();
    },
    close: () => end("closed"),
  };
}

/** Runs once; later callers wait for the same completion. */
export function onlyOnce(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null;
  return async () => {
    done ??= work();
    await done;
  };
}
