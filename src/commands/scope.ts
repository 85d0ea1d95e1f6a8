// Whatever was opened must be closed, even if the next resource fails to open.

export type Scope = {
  /** Closed with the scope, before anything opened earlier. Returns its argument. */
  use<T extends { close(): Promise<void> | void }>(opened: T): T;
  defer(close: () => Promise<void> | void): void;
  /** Tries all of them: a resource left open keeps the process alive. Throws the first failure. */
  close(): Promise<void>;
};

export function createScope(): Scope {
  const closers: (() => Promise<void> | void)[] = [];
  return {
    use(opened) {
      closers.push(() => opened.close());
      return opened;
    },
    defer(close) {
      closers.push(close);
    },
    async close() {
      const failures: unknown[] = [];
      // Something may be opened while another closes.
      while (closers.length > 0)
        for (const closer of closers.splice(0).reverse()) {
          try {
            await closer();
          } catch (error) {
            failures.push(error);
          }
        }
      if (failures.length > 0) throw failures[0];
    },
  };
}

/** The result of `open`, with a function that closes all of it. Closes what was opened if `open` throws. */
export async function inScope<T extends object>(
  open: (scope: Scope) => Promise<T>,
): Promise<T & { close(): Promise<void> }> {
  const scope = createScope();
  try {
    return { ...(await open(scope)), close: () => scope.close() };
  } catch (error) {
    await scope.close();
    throw error;
  }
}
