// What was opened has to be closed: also when the next thing fails to open.

export type Scope = {
  /** To be closed with the scope, before whatever was opened earlier. Gives it back. */
  use<T extends { close(): Promise<void> | void }>(opened: T): T;
  defer(close: () => Promise<void> | void): void;
  /** Every one is tried: what one leaves open keeps the process alive. Throws the first failure. */
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

/** What `open` gives, with what closes all of it. Closes what was opened when `open` throws. */
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
