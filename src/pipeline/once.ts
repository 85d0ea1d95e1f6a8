/** Opens on the first call; `opened` returns undefined if there was none. */
export type Once<T> = { get(): Promise<T>; opened(): Promise<T> | undefined };

export function once<T>(open: () => Promise<T>): Once<T> {
  let opened: Promise<T> | undefined;
  return {
    get() {
      opened ??= open();
      return opened;
    },
    opened: () => opened,
  };
}
