export type Deferred = {
  readonly promise: Promise<void>;
  resolve(): void;
  reject(error: Error): void;
};

/** Promise.withResolvers, which Node 20 lacks. */
export function createDeferred(): Deferred {
  let settle: Omit<Deferred, "promise"> = { resolve: () => undefined, reject: () => undefined };
  const promise = new Promise<void>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, resolve: () => settle.resolve(), reject: (error) => settle.reject(error) };
}
