/**
 * Settles with the work, or rejects with the signal's reason as soon as it is aborted, however the work reacts:
 * Node's streams reject with their own AbortError, and waits in the operating system do not end. A later outcome of
 * the work is ignored.
 */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error); // callers always abort with an error
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

/** Resolves with the signal's reason, once it is aborted. */
export function aborted(signal: AbortSignal): Promise<unknown> {
  return orAborted(new Promise<never>(() => undefined), signal).catch((reason: unknown) => reason);
}
