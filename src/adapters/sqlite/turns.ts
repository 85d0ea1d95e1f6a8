/** Schedules background work; a simulation supplies its own. */
export type Turns = {
  /** Once, after the event loop has taken in all that was ready. */
  next(work: () => void): void;
  /** Again and again, until the returned function is called. Does not keep the process alive. */
  every(ms: number, work: () => void): () => void;
};

export const realTurns: Turns = {
  next: (work) => void setImmediate(work),
  every(ms, work) {
    const timer = setInterval(work, ms).unref();
    return () => clearInterval(timer);
  },
};
