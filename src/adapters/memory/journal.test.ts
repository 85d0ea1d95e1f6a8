import { describe, expect, test } from "vitest";
import { journalContract, sampleOwedTo } from "../testing/journal-contract.ts";
import { sampleEntry, sampleMessage } from "../testing/samples.ts";
import { createMemoryJournal, createSharedJournal } from "./journal.ts";

describe("memory journal", () =>
  journalContract(async () => {
    const shared = createSharedJournal();
    const open = () => createMemoryJournal({ shared, owedTo: sampleOwedTo });
    let journal = open();
    const restart = async () => {
      journal.close();
      journal = open();
      return journal;
    };
    return { journal, restart, close: async () => {} };
  }));

test("work of a run that is alive is left alone", async () => {
  const shared = createSharedJournal();
  const life = { isAlive: true };
  const one = createMemoryJournal({ shared, isAlive: () => life.isAlive });
  const two = createMemoryJournal({ shared });
  const message = sampleMessage({ id: "m1" });
  await one.record(sampleEntry({ message, outgoing: [sampleMessage({ id: "a" })] }));
  expect(await two.adopt(10)).toEqual([]);
  life.isAlive = false;
  expect(await two.adopt(10)).toHaveLength(1);
});
