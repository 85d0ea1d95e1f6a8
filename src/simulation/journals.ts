import { createMemoryJournal, createSharedJournal } from "../adapters/memory/journal.ts";
import type { Journal, OwedTo } from "../pipeline/ports/journal.ts";
import type { Nature } from "./faults.ts";
import type { Life } from "./scheduler.ts";

/** A journal that survives every crash, whatever it is kept on. */
export type JournalKeeper = {
  /** As the process with that life sees it. */
  journalOf(life: Life): Journal;
  /** `isAlone`: no other process is at work. */
  died(life: Life, isAlone: boolean): void;
  /** All that is in it, in the order of recording. */
  recorded(): readonly { readonly consumer: string; readonly id: string }[];
  close(): void;
};

/** A file as it should be, and one that says it has written what it has not. */
export type JournalFile = "sound" | "forgets";

export type JournalsOptions = {
  readonly nature: Nature;
  readonly owedTo: OwedTo;
  readonly file: JournalFile;
};

/** The reference: what is recorded is there at once. */
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
