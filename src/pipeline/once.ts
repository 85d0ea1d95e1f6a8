/** Opens at the first call; `opened` tells whether there was one. */
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
