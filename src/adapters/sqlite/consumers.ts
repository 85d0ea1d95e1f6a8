import type { Database } from "./database.ts";

/** Consumers by number: a file stores each name once, not with every entry. */
export type Consumers = {
  /** Assigns a number if there is none. Inside a transaction. */
  numberOf(name: string): number;
  /** A number that no row has if nothing was ever written for the consumer. */
  known(name: string): number;
  nameOf(number: number): string;
};

/** Stands in for a consumer: the transport that has to take a message. */
export const transport = "";
/** `consumer.id` starts above it. */
export const transportNumber = 0;
const nobody = -1;

export function createConsumers(database: Database): Consumers {
  const find = database.prepare("SELECT id FROM consumer WHERE name = ?1");
  const name = database.prepare("SELECT name FROM consumer WHERE id = ?1");
  const insert = database.prepare("INSERT INTO consumer (name) VALUES (?1)");
  const numbers = new Map<string, number>();
  const names = new Map<number, string>();
  const keep = (known: string, number: number): number => {
    numbers.set(known, number);
    names.set(number, known);
    return number;
  };
  const begin = () => {
    numbers.clear();
    names.clear();
    keep(transport, transportNumber);
  };
  begin();
  // Numbers written by a transaction that did not commit are invalid.
  database.onRollback(begin);

  const known = (wanted: string): number => {
    const number = numbers.get(wanted);
    if (number !== undefined) return number;
    const row = find.first([wanted]);
    return row === undefined ? nobody : keep(wanted, Number(row["id"]));
  };
  return {
    known,
    numberOf(wanted) {
      const number = known(wanted);
      return number === nobody ? keep(wanted, insert.run([wanted]).seq) : number;
    },
    nameOf(number) {
      const found = names.get(number);
      if (found !== undefined) return found;
      const row = name.first([number]);
      if (row === undefined) throw new Error(`no consumer has the number ${number}`);
      const said = String(row["name"]);
      keep(said, number);
      return said;
    },
  };
}
