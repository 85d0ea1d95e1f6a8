export interface Clock {
  /** Milliseconds since the epoch, UTC. */
  nowMs(): number;
  /** Milliseconds from some beginning, by a clock that nobody sets; without it `nowMs` never jumps. */
  elapsedMs?(): number;
  /** Resolves after at least `ms` milliseconds; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
