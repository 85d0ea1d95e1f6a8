import { sha256 } from "../adapters/memory/ids.ts";
import { deadLetterName, toDeadLetter } from "../pipeline/delivery/dead-letter.ts";
import { TuError } from "../pipeline/errors.ts";
import { type Journal, type JournalEntry, parking } from "../pipeline/ports/journal.ts";
import type { ObjectStore } from "../pipeline/ports/object-store.ts";
import { toEpochMs } from "../pipeline/time.ts";
import type { JournalFile } from "./journals.ts";
import type { Plant } from "./process.ts";

// Mistakes that are easily made in a shell like ours. Each is planted by changing a port; the simulation must catch
// every one, or its silence means nothing.

/** `shared` is what all processes of a run have in common, and survives crashes. */
export type Bug = {
  readonly name: string;
  plant?(): Plant;
  /** The file in which every seed keeps its journal for this bug. */
  readonly file?: JournalFile;
};

export const bugs: readonly Bug[] = [
  { name: "say that a commit is on the disk before it is", file: "forgets" },
  {
    name: "act outside before what led to it is on the disk",
    file: "sound",
    plant: () => (ports) => ({
      ...ports,
      journal: { ...ports.journal, durable: async () => undefined },
    }),
  },
  {
    name: "answer a request before its record is on the disk",
    file: "sound",
    plant: () => (ports) => ({
      ...ports,
      journal: { ...ports.journal, record: ports.journal.accept },
    }),
  },
  {
    name: "hand on early to a broker that stays",
    file: "sound",
    plant: () => (ports) => ({ ...ports, handsOnEarly: true }),
  },
  {
    name: "acknowledge before recording",
    plant: () => (ports) => ({
      ...ports,
      broker: {
        ...ports.broker,
        consume: (options, handler) =>
          ports.broker.consume(options, async (delivery) => {
            await delivery.ack();
            await handler({ ...delivery, ack: async () => undefined });
          }),
      },
    }),
  },
  {
    name: "commit the offset before recording",
    plant: () => (ports) => ({
      ...ports,
      log: {
        ...ports.log,
        subscribe: (options, handler) =>
          ports.log.subscribe(options, async (delivery) => {
            await delivery.commit();
            await handler({ ...delivery, commit: async () => undefined });
          }),
      },
      journal: { ...ports.journal, adopt: onlyTimers(ports.journal) },
    }),
  },
  {
    name: "forget what was received before",
    plant: () => (ports) => ({
      ...ports,
      journal: { ...ports.journal, find: async () => undefined, record: forgetful(ports.journal) },
    }),
  },
  {
    name: "lose the timers in a crash",
    plant: () => (ports) => ({
      ...ports,
      journal: {
        ...ports.journal,
        adopt: async (limit) =>
          (await ports.journal.adopt(limit)).filter(({ type }) => type === "message"),
      },
    }),
  },
  {
    name: "forget the timers that are far from due when they were taken over",
    plant: () => (ports) => ({
      ...ports,
      journal: { ...ports.journal, waiting: async (places) => places.map(() => null) },
    }),
  },
  {
    name: "publish nothing again after a crash",
    plant: () => (ports) => ({
      ...ports,
      journal: {
        ...ports.journal,
        adopt: onlyTimers(ports.journal),
        unsent: async () => ({ messages: [], next: null }),
      },
    }),
  },
  {
    name: "swallow a failed publish",
    plant: () => (ports) => ({
      ...ports,
      publish: (message) => ports.publish(message).catch(() => undefined),
    }),
  },
  {
    name: "a new id for every message",
    plant: () => {
      let count = 0;
      return (ports) => ({
        ...ports,
        ids: {
          ...ports.ids,
          derive: (parent, discriminator) => {
            count += 1;
            return ports.ids.derive(parent, `${discriminator}#${count}`);
          },
        },
        // Without the id guard, a redelivery is decided as if it were new.
        journal: { ...ports.journal, find: async () => undefined },
      });
    },
  },
  {
    name: "publish before recording",
    plant: () => (ports) => ({
      ...ports,
      journal: {
        ...ports.journal,
        async record(entry) {
          for (const message of entry.outgoing) await ports.publish(message);
          return ports.journal.record(entry);
        },
      },
    }),
  },
  {
    name: "decide on a state that is out of date",
    plant: () => {
      const seen = new Map<string, Awaited<ReturnType<Journal["flow"]>>>();
      return (ports) => ({
        ...ports,
        journal: {
          ...ports.journal,
          async flow(consumer, flowId) {
            const now = await ports.journal.flow(consumer, flowId);
            const before = seen.get(flowId);
            seen.set(flowId, now);
            // The right sequence with an older state: the lock is kept, the history is not.
            return now === undefined || before === undefined
              ? now
              : { ...before, sequence: now.sequence };
          },
        },
      });
    },
  },
  {
    name: "drop what fails instead of delivering it again",
    plant: () => (ports) => ({
      ...ports,
      broker: {
        ...ports.broker,
        consume: (options, handler) =>
          ports.broker.consume(options, (delivery) =>
            handler({ ...delivery, nack: () => delivery.ack() }),
          ),
      },
    }),
  },
  {
    name: "time out at once",
    plant: () => (ports) => ({
      ...ports,
      timers: {
        ...ports.timers,
        schedule: (timer) => ports.timers.schedule({ ...timer, dueAtMs: 0 }),
      },
    }),
  },
  {
    name: "wait until the time that was decided, by a clock that was set since",
    plant: () => (ports) => ({
      ...ports,
      timers: {
        ...ports.timers,
        schedule(timer) {
          const aheadMs = ports.clock.nowMs() - toEpochMs(timer.message.occurredAt);
          ports.timers.schedule({ ...timer, dueAtMs: timer.dueAtMs - aheadMs });
        },
      },
    }),
  },
  {
    name: "take a URL that has expired for a picture that is gone",
    plant: () => taking(403, 404),
  },
  {
    name: "read no picture at all",
    plant: () => (ports) => ({
      ...ports,
      vision: {
        ...ports.vision,
        read: async () => {
          throw new TuError("E_VISION_FAILED", "planted");
        },
      },
    }),
  },
  {
    name: "give up a step for a disk that is in trouble",
    plant: () => (ports) => ({
      ...ports,
      fingerprints: {
        ...ports.fingerprints,
        save: asOwnFailure(ports.fingerprints.save),
        near: asOwnFailure(ports.fingerprints.near),
      },
      machines: { ...ports.machines, ofModel: asOwnFailure(ports.machines.ofModel) },
    }),
  },
  {
    name: "park again what was parked",
    plant: () => {
      let count = 0;
      return (ports) => ({
        ...ports,
        ids: {
          ...ports.ids,
          derive(parent, discriminator) {
            count += 1;
            const isLetter = discriminator.startsWith("parked by");
            return ports.ids.derive(parent, isLetter ? `${discriminator} ${count}` : discriminator);
          },
        },
      });
    },
  },
  {
    name: "send another letter than the recorded one",
    plant: () => (ports) => ({
      ...ports,
      journal: {
        ...ports.journal,
        async record(entry) {
          const result = await ports.journal.record(entry);
          return result.outcome === "duplicate" && entry.consumer === parking
            ? { ...result, entry }
            : result;
        },
      },
    }),
  },
  {
    name: "forget the tries of what was parked on a queue",
    plant: () => (ports) => ({
      ...ports,
      journal: {
        ...ports.journal,
        async record(entry) {
          const result = await ports.journal.record(entry);
          const { message, parks } = entry;
          if (parks === undefined) return result;
          await ports.journal.pardon(parks.consumer, { ...message, id: parks.messageId });
          return result;
        },
      },
    }),
  },
  {
    name: "give up after one try",
    plant: () => (ports) => ({
      ...ports,
      journal: {
        ...ports.journal,
        failed: async (...tried) => ({ ...(await ports.journal.failed(...tried)), count: 8 }),
      },
    }),
  },
  {
    name: "drop what cannot be read",
    plant: () => (ports) => ({
      ...ports,
      broker: {
        ...ports.broker,
        consume: (options, handler) =>
          ports.broker.consume(options, (delivery) =>
            isJson(delivery.body) ? handler(delivery) : delivery.ack(),
          ),
      },
    }),
  },
  {
    name: "park the text of a body instead of its bytes",
    plant: () => (ports) => ({
      ...ports,
      publish: async (message) => {
        if (message.name !== deadLetterName) return ports.publish(message);
        const letter = toDeadLetter(message);
        const asText = (body: Uint8Array | null) =>
          new TextEncoder().encode(new TextDecoder().decode(body ?? undefined));
        if (letter.transport === "kafka")
          await ports.log.append({ ...letter.record, body: asText(letter.record.body) });
        else
          await ports.broker.publish({
            ...letter.publication,
            body: asText(letter.publication.body),
          });
      },
    }),
  },
  {
    name: "go on under the newest definition",
    plant: () => (ports) => ({
      ...ports,
      journal: {
        ...ports.journal,
        async flow(consumer, flowId) {
          const known = await ports.journal.flow(consumer, flowId);
          const state = known?.state as object | undefined; // in the orchestrator's format
          return known === undefined ? known : { ...known, state: { ...state, pin: null } };
        },
      },
    }),
  },
  {
    name: "keep the newest definition under every pin",
    plant: () => {
      let newest: unknown;
      return (ports) => ({
        ...ports,
        definitions: {
          async keep(pin, definition) {
            newest = definition;
            await ports.definitions.keep(pin, definition);
          },
          find: async (pin) => newest ?? ports.definitions.find(pin),
        },
      });
    },
  },
  {
    name: "take whatever picture is stored",
    plant: () => (ports) => ({
      ...ports,
      broker: {
        ...ports.broker,
        consume: (options, handler) =>
          ports.broker.consume(options, async (delivery) =>
            handler({ ...delivery, body: await claimingWhatIsThere(delivery.body, ports.objects) }),
          ),
      },
    }),
  },
  {
    name: "take a picture that is gone for a store that is away",
    plant: () => taking(404, 503),
  },
  {
    name: "take a record that failed for one that is there",
    plant: () => (ports) => ({
      ...ports,
      journal: {
        ...ports.journal,
        record: (entry) => ports.journal.record(entry).catch(() => ({ outcome: "recorded" })),
      },
    }),
  },
];

/** Replaces one response status with another. */
const taking =
  (status: number, as: number): Plant =>
  (ports) => ({
    ...ports,
    http: {
      send: async (request) => {
        const answer = await ports.http.send(request);
        return answer.status === status ? { ...answer, status: as } : answer;
      },
    },
  });

/** How a step reports a store's trouble if it mistakes it for a failure of its own. */
function asOwnFailure<A extends unknown[], R>(call: (...args: A) => Promise<R>) {
  return (...args: A) =>
    call(...args).catch((cause: unknown) => {
      throw new TuError("E_BUG", "planted", { cause });
    });
}

function isJson(body: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder().decode(body));
    return true;
  } catch {
    return false; // what such code would look for
  }
}

/** The same command, with the stored object as the claim: no better than no check. */
async function claimingWhatIsThere(body: Uint8Array, objects: ObjectStore): Promise<Uint8Array> {
  if (!isJson(body)) return body;
  const payload = JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown> | null;
  if (payload?.["checksum"] === undefined || payload["uploadId"] !== undefined) return body;
  const stored = await objects.get(String(payload["objectKey"])).catch(() => undefined);
  if (stored === undefined) return body;
  const claim = { bytes: stored.sizeBytes, checksum: `sha256:${sha256(stored.bytes)}` };
  return new TextEncoder().encode(JSON.stringify({ ...payload, ...claim }));
}

function onlyTimers(journal: Journal): Journal["adopt"] {
  return async (limit) => (await journal.adopt(limit)).filter(({ type }) => type === "timer");
}

/** Records a message under a new id if it was recorded before. */
function forgetful(journal: Journal): Journal["record"] {
  return async (entry) => {
    for (let copy = 0; ; copy += 1) {
      const id = copy === 0 ? entry.message.id : `${entry.message.id} (${copy})`;
      const renamed: JournalEntry = { ...entry, message: { ...entry.message, id } };
      const result = await journal.record(renamed);
      if (result.outcome !== "duplicate") return result;
    }
  };
}
