type Keyed = { readonly key: string | null };

export type KeyLines<T extends Keyed> = {
  /** True: it has no predecessor. */
  join(record: T): boolean;
  /** The next one, once the first of a line is done. */
  leave(record: T): T | undefined;
};

/** The order of records with one key: first come, first served. Records without a key wait for none. */
export function createKeyLines<T extends Keyed>(): KeyLines<T> {
  const lines = new Map<string, T[]>();
  return {
    join(record) {
      if (record.key === null) return true;
      const line = lines.get(record.key) ?? [];
      lines.set(record.key, line);
      return line.push(record) === 1;
    },
    leave({ key }) {
      if (key === null) return undefined;
      const line = lines.get(key) ?? [];
      line.shift();
      if (line.length === 0) lines.delete(key);
      return line[0];
    },
  };
}
