import type { Message } from "kafkajs";
import type { LogRecord } from "../../pipeline/ports/event-log.ts";
import type { Connection } from "./connection.ts";
import { headersTo } from "./wire-headers.ts";

type Place = { readonly partition: number; readonly offset: number };
type Waiting = {
  readonly message: Message;
  readonly sizeBytes: number;
  readonly resolve: (place: Place) => void;
  readonly reject: (error: unknown) => void;
};

/** Half of what a broker accepts by default, with room for the framing. */
const batchBytesMax = 500_000;

/**
 * One request per topic at a time keeps the order; what is appended meanwhile goes together into the next one.
 */
export function createAppender(connection: Connection): (record: LogRecord) => Promise<Place> {
  const queues = new Map<string, Waiting[]>();

  const send = (topic: string, batch: readonly Waiting[]) =>
    connection.run(`appending to ${topic}`, async ({ partitionOf, producer }) => {
      const messages = batch.map(({ message }) => message);
      const answers = await producer.send({ topic, acks: -1, messages });
      const next = new Map(
        answers.map(({ baseOffset, partition }) => [partition, Number(baseOffset)]),
      );
      for (const { message, resolve } of batch) {
        const partition = partitionOf(message);
        const offset = next.get(partition) ?? 0;
        next.set(partition, offset + 1);
        resolve({ partition, offset });
      }
    });
  const drain = async (topic: string, queue: Waiting[]) => {
    while (queue.length > 0) {
      const batch = queue.splice(0, batchLength(queue));
      await send(topic, batch).catch((error: unknown) => {
        for (const { reject } of batch) reject(error);
      });
    }
    queues.delete(topic);
  };
  return (record) =>
    new Promise((resolve, reject) => {
      connection.requireUp();
      const waiting = { ...encode(record), resolve, reject };
      const queue = queues.get(record.topic);
      if (queue !== undefined) {
        queue.push(waiting);
        return;
      }
      const started = [waiting];
      queues.set(record.topic, started);
      setImmediate(() => void drain(record.topic, started));
    });
}

function batchLength(queue: readonly Waiting[]): number {
  let bytes = 0;
  const tooMany = queue.findIndex(({ sizeBytes }, index) => {
    bytes += sizeBytes;
    return index > 0 && bytes > batchBytesMax;
  });
  return tooMany === -1 ? queue.length : tooMany;
}

/** Copies: the caller may reuse its buffers. */
function encode({ body, headers, key }: LogRecord) {
  const bytes = (given: Uint8Array | null) => (given === null ? null : Buffer.from(given));
  const headerBytes = headers.reduce(
    (sum, { name, value }) => sum + Buffer.byteLength(name) + (value?.length ?? 0),
    0,
  );
  return {
    message: { key: bytes(key), value: bytes(body), headers: headersTo(headers) },
    sizeBytes: (key?.length ?? 0) + (body?.length ?? 0) + headerBytes,
  };
}
