/**
 * The work's own end, or the signal's reason as soon as it is aborted, whatever the work makes of that:
 * Node's streams end with an AbortError of their own, and what waits in the operating system does not end.
 * What the work says after that is not heard.
 */
export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error); // whoever aborts here gives an error
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
