import { describe } from "vitest";
import { journalContract } from "../testing/journal-contract.ts";
import { createMemoryJournal } from "./journal.ts";

describe("memory journal", () =>
  journalContract(async () => {
    const journal = createMemoryJournal();
    return { journal, restart: async () => journal, close: async () => {} };
  }));
