import { TuError } from "../../pipeline/errors.ts";
import type { ReadRecord } from "../../pipeline/ports/event-log.ts";
import type { Client } from "./client.ts";
import type { Place, Places, Work } from "./reading-places.ts";
import { createHeaderNames, createRecords, type RecordBatch } from "./record-batches.ts";

type HandoverOptions = {
  readonly handler: (record: ReadRecord) => void | Promise<void>;
  readonly onError: (error: unknown, where: string) => void;
  readonly codecs: Client["codecs"];
  readonly places: Pick<Places, "settle">;
};

export type Handover = ReturnType<typeof createHandover>;

/** Handlers that wait for nothing give the loop back as often: for sockets, timers and other handlers. */
const sliceMs = 10;
const recordsPerLook = 64;

type Passing = {
  readonly batch: RecordBatch;
  readonly place: Place;
  readonly isOver: () => boolean;
};

/** Hands records over one at a time, whatever the number of brokers that they come from. */
export function createHandover({ codecs, handler, onError, places }: HandoverOptions) {
  const names = createHeaderNames();
  const slice = createSlice();
  let last: Promise<unknown> = Promise.resolve();

  /** Waits only for handlers that have to be waited for: they may be called a million times in a second. */
  const handRecord = (place: Place, record: ReadRecord): Promise<void> | undefined => {
    const failed = (error: unknown) => onError(error, whereIn(place));
    try {
      return handler(record)?.catch(failed);
    } catch (error) {
      failed(error);
      return undefined;
    }
  };
  const handBatch = async (place: Place, batch: RecordBatch, isOver: () => boolean) => {
    const next = createRecords(place, await decompressed(batch, codecs), names);
    for (let record = next(); record !== undefined && !isOver(); record = next()) {
      if (record.offset < place.position) continue; // an earlier life handled it
      const handling = handRecord(place, record);
      if (handling !== undefined) await handling;
      place.position = record.offset + 1;
      if (slice.isUsed()) await slice.next();
    }
  };
  const pass = async ({ batch, place, isOver }: Passing) => {
    if (isOver()) return;
    if (!batch.isHidden && batch.next > place.position)
      await handBatch(place, batch, isOver).catch((error: unknown) =>
        onError(error, whereIn(place)),
      );
    if (isOver()) return;
    place.position = Math.max(place.position, batch.next);
    places.settle(place);
  };
  const handAll = async (work: readonly Work[], isOver: () => boolean) => {
    for (const { batches, place } of work)
      for (const batch of batches) await pass({ batch, place, isOver });
  };
  return {
    /** Resolves when they are handled, or when it is over. */
    hand(work: readonly Work[], isOver: () => boolean): Promise<void> {
      const handed = last.then(() => handAll(work, isOver));
      last = handed;
      return handed;
    },
    /** Resolves when no handler is running. */
    ended: async () => void (await last),
  };
}

function whereIn({ partition, topic }: Place): string {
  return `reading ${topic}[${partition}]`;
}

/** What cannot be read is reported and passed over, like a record whose handler rejects. */
async function decompressed(batch: RecordBatch, codecs: Client["codecs"]): Promise<RecordBatch> {
  const { codec, firstOffset, isReadable, next, records } = batch;
  const unreadable = (why: string, cause?: unknown) =>
    new TuError("E_MESSAGE_INVALID", `offsets ${firstOffset} to ${next - 1}: ${why}`, { cause });
  if (!isReadable) throw unreadable("written in the format of Kafka 0.10");
  if (codec === 0) return batch;
  try {
    const decompress = codecs[codec as keyof typeof codecs]; // any number, from the wire
    return { ...batch, records: await decompress().decompress(records) };
  } catch (error) {
    throw unreadable(`compressed with codec ${codec}, which cannot be read`, error);
  }
}

function createSlice() {
  let records = 0;
  let beganAtMs = performance.now();
  return {
    isUsed() {
      records += 1;
      return records % recordsPerLook === 0 && performance.now() - beganAtMs > sliceMs;
    },
    async next() {
      await new Promise<void>((resolve) => setImmediate(resolve));
      beganAtMs = performance.now();
    },
  };
}
