import type { Definitions } from "../../pipeline/ports/definitions.ts";
import type { Database } from "./database.ts";
import type { Writer } from "./writer.ts";

/** Definitions in the state file. */
export function createSqliteDefinitions(database: Database, writer: Writer): Definitions {
  const { query } = database;
  return {
    async keep(pin, definition) {
      const insert = query
        .insertInto("definition")
        .values({ pin, body: JSON.stringify(definition) })
        .onConflict((conflict) => conflict.doNothing());
      await writer.write(() => database.run(insert));
    },
    async find(pin) {
      const row = database.first(
        query
          .selectFrom("definition")
          .select("body")
          .where((where) =>
            where.or([
              where("pin", "=", pin),
              // Between "pin#" and the character after "#": everything with that prefix.
              where.and([where("pin", ">", `${pin}#`), where("pin", "<", `${pin}$`)]),
            ]),
          )
          .orderBy("pin")
          .limit(1),
      );
      return row === undefined ? undefined : JSON.parse(row.body);
    },
  };
}
