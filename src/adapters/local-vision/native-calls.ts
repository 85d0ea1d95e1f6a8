// A thread must not be terminated during a call of the native runtime: the call fails on return, where nothing can
// catch the error, and the whole process aborts (onnxruntime-node 1.30). So a thread exits by itself on request,
// which it sees between two calls; and a process that exits without such a request waits for the call. That is one
// network on one view: a third of a second.

/** Shared between a thread and the one that started it. */
export type NativeCalls = Int32Array<SharedArrayBuffer>;
const isCalling = 0;
const isOver = 1;

export function createNativeCalls(): NativeCalls {
  return new Int32Array(new SharedArrayBuffer(8));
}

/** Called on the thread. Rejects once no more calls may begin. */
export async function whileCalling<T>(calls: NativeCalls, call: () => Promise<T>): Promise<T> {
  Atomics.store(calls, isCalling, 1);
  try {
    if (Atomics.load(calls, isOver) === 1) throw new Error("the process ends");
    return await call();
  } finally {
    Atomics.store(calls, isCalling, 0);
    Atomics.notify(calls, isCalling);
  }
}

/** Longer than any call; a process that could not exit would be worse than one that aborts. */
const patienceMs = 10_000;

/** Blocks until no call is running; none begins afterwards. */
export function endCalls(calls: NativeCalls): void {
  Atomics.store(calls, isOver, 1);
  Atomics.wait(calls, isCalling, 1, patienceMs);
}
