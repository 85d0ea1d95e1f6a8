/** Work that one call ends, whenever it began. */
export type Stopping = {
  /** Aborted by `stop`. */
  readonly signal: AbortSignal;
  /** Runs the work, and aborts the signal that it gets when all is stopped, with the same reason. */
  during<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  stop(): void;
};

/**
 * Each work has a signal of its own. Of a shared one, every request of every message would be a listener, and Node
 * warns of a leak from eleven on.
 */
export function createStopping(): Stopping {
  const all = new AbortController();
  const running = new Set<AbortController>();
  return {
    signal: all.signal,
    async during(work) {
      const own = new AbortController();
      if (all.signal.aborted) own.abort(all.signal.reason);
      running.add(own);
      try {
        return await work(own.signal);
      } finally {
        running.delete(own);
      }
    },
    stop() {
      all.abort();
      for (const own of running) own.abort(all.signal.reason);
    },
  };
}
