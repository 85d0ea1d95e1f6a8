import type { TransportState } from "../../pipeline/ports/transport.ts";
import { unavailable } from "./errors.ts";

type State = "up" | "lost" | "closed";

/** Up, lost or closed: who is told, and who must not wait any longer. */
export function createConnectionState() {
  const listeners = new Set<(state: TransportState) => void>();
  const waiting = new Set<() => void>();
  let state: State = "up";
  let wake = () => {};

  const is = (wanted: State) => state === wanted;
  return {
    is,
    set(next: State): void {
      state = next;
      if (next === "up") return;
      for (const reject of [...waiting]) reject();
      wake();
    },
    tell(change: TransportState): void {
      for (const listener of [...listeners]) listener(change);
    },
    onState(listener: (state: TransportState) => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    requireUp(): void {
      if (!is("up")) throw unavailable(state);
    },
    /** Rejects as soon as it is no longer up, whatever becomes of the work. */
    whileUp<T>(work: Promise<T>): Promise<T> {
      return new Promise<T>((resolve, reject) => {
        const fail = () => reject(unavailable(state));
        waiting.add(fail);
        work.then(resolve, reject).finally(() => waiting.delete(fail));
      });
    },
    /** Ends early when the state changes. */
    sleep(delayMs: number): Promise<void> {
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, delayMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
  };
}
