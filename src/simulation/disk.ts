import { createMemoryDefinitions } from "../adapters/memory/definitions.ts";
import { createMemoryFingerprints } from "../adapters/memory/fingerprints.ts";
import { createMemoryJournal, createSharedJournal } from "../adapters/memory/journal.ts";
import { createMemoryMachines } from "../adapters/memory/machines.ts";
import { createMemoryObjectStore } from "../adapters/memory/object-store.ts";
import { createMemoryUploads } from "../adapters/memory/uploads.ts";
import { createUrlSigner } from "../adapters/signing/url-signer.ts";
import type { Journal, OwedTo } from "../pipeline/ports.ts";
import type { Nature } from "./faults.ts";
import type { Disk } from "./process.ts";
import type { Recorded } from "./remains.ts";
import type { Life } from "./scheduler.ts";

/** Transports that outlive their clients owe nobody anything but what they have not taken. */
export function createDisk(nature: Nature, owedTo: OwedTo) {
  const shared = createSharedJournal();
  const histories = new Map<string, Recorded[]>();
  let lastRecordMs = 0;
  const journalOf = (life: Life): Journal => {
    const inner = createMemoryJournal({ shared, owedTo, isAlive: () => life.alive });
    return {
      ...inner,
      async record(entry) {
        const result = await inner.record(entry);
        if (result.outcome === "recorded") {
          const { flowId } = entry.message;
          lastRecordMs = nature.scheduler.nowMs();
          const recorded = { ...entry, atMs: lastRecordMs };
          histories.set(flowId, [...(histories.get(flowId) ?? []), recorded]);
        }
        return result;
      },
    };
  };
  const signer = createUrlSigner({
    baseUrl: () => "http://object-store",
    secret: "secret",
    clock: { nowMs: () => nature.scheduler.nowMs(), sleep: async () => undefined },
  });
  const disk: Disk = {
    journalOf,
    definitions: createMemoryDefinitions(),
    uploads: createMemoryUploads(),
    machines: createMemoryMachines(),
    fingerprints: createMemoryFingerprints(),
    objects: createMemoryObjectStore({ signer }),
  };
  return { disk, histories: () => histories, lastRecordMs: () => lastRecordMs };
}
