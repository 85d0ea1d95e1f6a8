/** Values by consumer and id; consumers are few, and no key is put together. */
export type Pairs<Value> = {
  get(consumer: string, id: string): Value | undefined;
  set(consumer: string, id: string, value: Value): void;
  delete(consumer: string, id: string): void;
  values(): readonly Value[];
  keys(): readonly (readonly [consumer: string, id: string])[];
  clear(): void;
};

export function createPairs<Value>(): Pairs<Value> {
  const all = new Map<string, Map<string, Value>>();
  return {
    get: (consumer, id) => all.get(consumer)?.get(id),
    set(consumer, id, value) {
      const of = all.get(consumer);
      if (of === undefined) all.set(consumer, new Map([[id, value]]));
      else of.set(id, value);
    },
    delete: (consumer, id) => void all.get(consumer)?.delete(id),
    values: () => [...all.values()].flatMap((of) => [...of.values()]),
    keys: () =>
      [...all].flatMap(([consumer, of]) => [...of.keys()].map((id) => [consumer, id] as const)),
    clear: () => all.clear(),
  };
}
