/** A priority queue: `pop` returns the smallest item first. */
export type Heap<T> = {
  push(item: T): void;
  peek(): T | undefined;
  pop(): T | undefined;
  size(): number;
  /** Keeps only the items that pass. */
  retain(keep: (item: T) => boolean): void;
};

export function createHeap<T>(isBefore: (a: T, b: T) => boolean): Heap<T> {
  let items: T[] = [];

  const at = (index: number): T => items[index] as T; // callers stay below items.length
  const swap = (a: number, b: number) => {
    const kept = at(a);
    items[a] = at(b);
    items[b] = kept;
  };
  const rise = (from: number) => {
    for (let child = from; child > 0; ) {
      const parent = (child - 1) >> 1;
      if (!isBefore(at(child), at(parent))) return;
      swap(child, parent);
      child = parent;
    }
  };
  const sink = (from: number) => {
    for (let parent = from; ; ) {
      let least = parent;
      for (const child of [2 * parent + 1, 2 * parent + 2])
        if (child < items.length && isBefore(at(child), at(least))) least = child;
      if (least === parent) return;
      swap(parent, least);
      parent = least;
    }
  };
  return {
    push(item) {
      items.push(item);
      rise(items.length - 1);
    },
    peek: () => items[0],
    pop() {
      const least = items[0];
      const last = items.pop();
      if (items.length > 0) {
        items[0] = last as T; // there was more than one item, so pop returned one
        sink(0);
      }
      return least;
    },
    size: () => items.length,
    retain(keep) {
      items = items.filter(keep);
      for (let parent = (items.length >> 1) - 1; parent >= 0; parent -= 1) sink(parent);
    },
  };
}
