/** Collects what handlers receive and lets a test wait for a number of items without a clock. */
export type Collector<T> = {
  readonly items: readonly T[];
  add(item: T): void;
  /** Resolves with all items as soon as there are `count`. */
  atLeast(count: number): Promise<readonly T[]>;
};

export function createCollector<T>(): Collector<T> {
  const items: T[] = [];
  let waiting: { count: number; resolve: () => void }[] = [];
  return {
    items,
    add(item) {
      items.push(item);
      for (const one of waiting) if (items.length >= one.count) one.resolve();
      waiting = waiting.filter((one) => items.length < one.count);
    },
    async atLeast(count) {
      if (items.length < count)
        await new Promise<void>((resolve) => waiting.push({ count, resolve }));
      return items;
    },
  };
}

/** A promise that a test resolves by hand. */
export function createGate(): { readonly opened: Promise<void>; open(): void } {
  const { promise, resolve } = withResolvers();
  return { opened: promise, open: resolve };
}

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
