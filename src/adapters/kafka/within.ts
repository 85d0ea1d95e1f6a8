import { TuError } from "../../pipeline/errors.ts";

/** Rejects with E_SERVICE_UNAVAILABLE after `timeoutMs`; the work itself goes on unheard. */
export async function within<T>(timeoutMs: number, doing: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new TuError("E_SERVICE_UNAVAILABLE", `${doing} took over ${timeoutMs} ms`)),
      timeoutMs,
    );
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** For clean-up: waits for it up to `timeoutMs`, however it ends. */
export async function atMost(timeoutMs: number, work: Promise<unknown>): Promise<void> {
  await within(timeoutMs, "closing", work).catch(() => undefined); // its connections are cut next
}
