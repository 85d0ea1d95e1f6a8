import type { Message } from "../../pipeline/message.ts";
import type { Tries } from "../../pipeline/ports/journal.ts";
import type { Consumers } from "./consumers.ts";
import type { Database } from "./database.ts";
import { keyOf } from "./keys.ts";
import type { Writer } from "./writer.ts";

/** Failed tries, which count across processes and restarts. */
export type FailedTries = {
  count(consumer: string, message: Message, at: string): Promise<Tries>;
  forget(consumer: string, message: Message): Promise<void>;
  /** The message is decided. Inside a commit, for every message: costs nothing where all went well. */
  decided(consumer: string, message: Message): void;
  /** And that is committed. */
  settled(message: Message): void;
};

const countSql = `INSERT INTO trouble (message_id, consumer, flow_id, tries, first_at)
  VALUES (?1, ?2, ?3, 1, ?4) ON CONFLICT DO UPDATE SET tries = tries + 1
  RETURNING tries, first_at`;
const forgetSql = "DELETE FROM trouble WHERE message_id = ?1 AND consumer = ?2";

export function createFailedTries(
  database: Database,
  writer: Writer,
  consumers: Consumers,
): FailedTries {
  const count = database.prepare(countSql);
  const forget = database.prepare(forgetSql);
  /** Whether there is anything to forget, as far as this process has seen. */
  const seen = new Set<string>();
  return {
    count(consumer, { flowId, id }, at) {
      seen.add(id);
      return writer.write(() => {
        const row = count.first([...[keyOf(id), consumers.numberOf(consumer), keyOf(flowId), at]]);
        return { count: Number(row?.["tries"]), firstAt: String(row?.["first_at"]) };
      });
    },
    async forget(consumer, { id }) {
      seen.delete(id);
      await writer.write(() => forget.run([keyOf(id), consumers.known(consumer)]));
    },
    decided(consumer, { id }) {
      if (seen.has(id)) forget.run([keyOf(id), consumers.known(consumer)]);
    },
    settled: ({ id }) => void seen.delete(id),
  };
}
