import { createMemoryDefinitions } from "../adapters/memory/definitions.ts";
import { createMemoryFingerprints } from "../adapters/memory/fingerprints.ts";
import { createMemoryMachines } from "../adapters/memory/machines.ts";
import { createMemoryObjectStore } from "../adapters/memory/object-store.ts";
import { createMemoryUploads } from "../adapters/memory/uploads.ts";
import { createUrlSigner } from "../adapters/signing/url-signer.ts";
import type { Journal } from "../pipeline/ports/journal.ts";
import { clockOf } from "./clocks.ts";
import type { Nature } from "./faults.ts";
import type { JournalKeeper } from "./journals.ts";
import type { Disk } from "./process.ts";
import type { Recorded } from "./remains.ts";
import type { Life } from "./scheduler.ts";

/** What survives every crash; `journals` keeps the journal. */
export function createDisk(nature: Nature, journals: JournalKeeper) {
  /** Records that may exist although none was reported, and those that were reported. */
  const tried = new Map<string, Recorded>();
  const confirmed = new Map<string, Recorded>();
  /** Recorded, but possibly not on disk yet: a crash may lose it. */
  const accepted = new Map<string, Recorded>();
  let lastRecordMs = 0;
  const journalOf = (life: Life): Journal => {
    const inner = journals.journalOf(life);
    /** Adds every record to `heard`. */
    const noting =
      (record: Journal["record"], heard: Map<string, Recorded>): Journal["record"] =>
      async (entry) => {
        const key = keyOf(entry.consumer, entry.message.id);
        tried.set(key, { ...entry, atMs: nature.scheduler.nowMs() });
        const result = await record(entry);
        // A result that reaches a dead process was reported to no one.
        if (result.outcome !== "recorded" || !life.alive) return result;
        lastRecordMs = nature.scheduler.nowMs();
        heard.set(key, { ...entry, atMs: lastRecordMs });
        return result;
      };
    return {
      ...inner,
      record: noting(inner.record, confirmed),
      accept: noting(inner.accept, accepted),
      async durable() {
        const before = [...accepted];
        await inner.durable();
        if (!life.alive) return;
        for (const [key, entry] of before) {
          confirmed.set(key, entry);
          accepted.delete(key);
        }
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
      const key = keyOf(consumer, id);
      const entry = confirmed.get(key) ?? accepted.get(key) ?? tried.get(key);
      if (entry === undefined) throw new Error(`${consumer} recorded ${id}, and nobody tried to`);
      const { flowId } = entry.message;
      found.set(flowId, [...(found.get(flowId) ?? []), entry]);
    }
    return found;
  };
  /** Reported as recorded, and missing: what a journal must never do. */
  const forgotten = (): readonly string[] => {
    const there = new Set(journals.recorded().map(({ consumer, id }) => keyOf(consumer, id)));
    return [...confirmed.keys()].filter((key) => !there.has(key));
  };
  /** Messages of accepted entries that a crash has lost: no surviving process has seen them. */
  const lost = (): ReadonlySet<string> => {
    const there = new Set(journals.recorded().map(({ consumer, id }) => keyOf(consumer, id)));
    const gone = new Set<string>();
    for (const [key, entry] of accepted)
      if (there.has(key)) confirmed.set(key, entry);
      else for (const { id } of entry.outgoing) gone.add(id);
    accepted.clear();
    return gone;
  };
  const isOnDisk = (messageId: string): boolean =>
    ![...accepted.values()].some(({ outgoing }) => outgoing.some(({ id }) => id === messageId));
  return { disk, isOnDisk, histories, forgotten, lost, lastRecordMs: () => lastRecordMs };
}

const keyOf = (consumer: string, messageId: string) => `${consumer} ${messageId}`;
