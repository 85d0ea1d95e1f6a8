import { createMemoryDefinitions } from "../adapters/memory/definitions.ts";
import { createMemoryFingerprints } from "../adapters/memory/fingerprints.ts";
import { createMemoryMachines } from "../adapters/memory/machines.ts";
import { createMemoryObjectStore } from "../adapters/memory/object-store.ts";
import { createMemoryUploads } from "../adapters/memory/uploads.ts";
import { createUrlSigner } from "../adapters/signing/url-signer.ts";
import type { Journal } from "../pipeline/ports.ts";
import { clockOf } from "./clocks.ts";
import type { Nature } from "./faults.ts";
import type { JournalKeeper } from "./journals.ts";
import type { Disk } from "./process.ts";
import type { Recorded } from "./remains.ts";
import type { Life } from "./scheduler.ts";

/** What survives every crash; the journal is kept by `journals`. */
export function createDisk(nature: Nature, journals: JournalKeeper) {
  /** What may be there although nobody heard that it is, and what somebody heard of. */
  const tried = new Map<string, Recorded>();
  const confirmed = new Map<string, Recorded>();
  let lastRecordMs = 0;
  const journalOf = (life: Life): Journal => {
    const inner = journals.journalOf(life);
    return {
      ...inner,
      async record(entry) {
        const key = keyOf(entry.consumer, entry.message.id);
        tried.set(key, { ...entry, atMs: nature.scheduler.nowMs() });
        const result = await inner.record(entry);
        // What the dead hear, nobody was told.
        if (result.outcome !== "recorded" || !life.alive) return result;
        lastRecordMs = nature.scheduler.nowMs();
        confirmed.set(key, { ...entry, atMs: lastRecordMs });
        return result;
      },
    };
  };
  const signer = createUrlSigner({
    baseUrl: () => "http://object-store",
    secret: "secret",
    clock: clockOf(nature, { alive: true }),
  });
  const disk: Disk = {
    journalOf,
    definitions: createMemoryDefinitions(),
    uploads: createMemoryUploads(),
    machines: createMemoryMachines(),
    fingerprints: createMemoryFingerprints(),
    objects: createMemoryObjectStore({ signer }),
  };
  const histories = (): ReadonlyMap<string, readonly Recorded[]> => {
    const found = new Map<string, readonly Recorded[]>();
    for (const { consumer, id } of journals.recorded()) {
      const entry = confirmed.get(keyOf(consumer, id)) ?? tried.get(keyOf(consumer, id));
      if (entry === undefined) throw new Error(`${consumer} recorded ${id}, and nobody tried to`);
      const { flowId } = entry.message;
      found.set(flowId, [...(found.get(flowId) ?? []), entry]);
    }
    return found;
  };
  /** Heard of, and not there: what a journal must never do. */
  const forgotten = (): readonly string[] => {
    const there = new Set(journals.recorded().map(({ consumer, id }) => keyOf(consumer, id)));
    return [...confirmed.keys()].filter((key) => !there.has(key));
  };
  return { disk, histories, forgotten, lastRecordMs: () => lastRecordMs };
}

const keyOf = (consumer: string, messageId: string) => `${consumer} ${messageId}`;
