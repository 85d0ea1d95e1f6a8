export interface Clock {
  /** Milliseconds since the epoch, UTC. */
  nowMs(): number;
  /** Milliseconds from an arbitrary origin, on a monotonic clock. Where it is missing, `nowMs` never jumps. */
  elapsedMs?(): number;
  /** Resolves after at least `ms` milliseconds; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}
