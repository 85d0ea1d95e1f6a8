import { createMemoryJournal, createSharedJournal } from "../adapters/memory/journal.ts";
import type { Journal, OwedTo } from "../pipeline/ports/journal.ts";
import type { Nature } from "./faults.ts";
import type { Life } from "./scheduler.ts";

/** A journal that survives every crash, on any storage. */
export type JournalKeeper = {
  /** As seen by the process with that life. */
  journalOf(life: Life): Journal;
  /** `isAlone`: no other process is running. */
  died(life: Life, isAlone: boolean): void;
  /** Everything in it, in the order of recording. */
  recorded(): readonly { readonly consumer: string; readonly id: string }[];
  close(): void;
};

/** A sound file, and one that reports writes it has not made. */
export type JournalFile = "sound" | "forgets";

export type JournalsOptions = {
  readonly nature: Nature;
  readonly owedTo: OwedTo;
  readonly file: JournalFile;
};

/** The reference: records are durable immediately. */
export async function openMemoryJournals({ owedTo }: JournalsOptions): Promise<JournalKeeper> {
  const shared = createSharedJournal();
  return {
    journalOf: (life) => createMemoryJournal({ shared, owedTo, isAlive: () => life.alive }),
    died: () => undefined,
    recorded: () =>
      [...shared.byMessage.values()].map(({ consumer, message: { id } }) => ({ consumer, id })),
    close: () => undefined,
  };
}
