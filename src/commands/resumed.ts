import { endsOfAnalysis } from "../pipeline/contracts/analysis.ts";
import { createDeferred, type Deferred } from "../pipeline/deferred.ts";
import { type FlowState, hasEnded } from "../pipeline/engine/state.ts";
import type { Message } from "../pipeline/message.ts";
import type { ClientEvent } from "../pipeline/operations/upload.ts";
import type { ClientFeed } from "../pipeline/ports/client-feed.ts";
import type { Clock } from "../pipeline/ports/clock.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import type { UploadNote, UploadNotes } from "../pipeline/ports/upload-notes.ts";
import { toEpochMs } from "../pipeline/time.ts";

// What an earlier run left and this one resumes: which picture it is, and which events were heard of it.

export type Resumed = {
  readonly flowId: string;
  /** Null where its note is lost. */
  readonly note: UploadNote | null;
  /** All that was heard of it in this process, when it has ended. */
  readonly events: Promise<readonly ClientEvent[]>;
};

/** Nothing is kept, so nothing is left to remember either. */
export const noNotes: UploadNotes = {
  put: async () => undefined,
  all: async () => new Map(),
  remove: async () => undefined,
};

type Heard = { readonly events: Message[]; readonly end: Deferred };
export type Hearing = {
  /** Passes on what is published, and remembers it until it is forgotten. */
  readonly feed: ClientFeed;
  hasHeardEnd(flowId: string): boolean;
  eventsOf(flowId: string): Promise<readonly ClientEvent[]>;
  /** Drops all other flows: uploads hear of theirs through the gateway. */
  keepOnly(flowIds: readonly string[]): void;
};

export function createHearing(next: ClientFeed): Hearing {
  const flows = new Map<string, Heard>();
  let isWanted = (_flowId: string) => true;
  const heardOf = (flowId: string): Heard => {
    const heard = flows.get(flowId) ?? { events: [], end: createDeferred() };
    flows.set(flowId, heard);
    return heard;
  };
  return {
    feed: {
      publish(message) {
        next.publish(message);
        if (!isWanted(message.flowId)) return;
        const heard = heardOf(message.flowId);
        heard.events.push(message);
        if (endsOfAnalysis.includes(message.name)) heard.end.resolve();
      },
    },
    hasHeardEnd: (flowId) =>
      flows.get(flowId)?.events.some(({ name }) => endsOfAnalysis.includes(name)) ?? false,
    async eventsOf(flowId) {
      const heard = heardOf(flowId);
      await heard.end.promise;
      return heard.events;
    },
    keepOnly(flowIds) {
      const kept = new Set(flowIds);
      isWanted = (flowId) => kept.has(flowId);
      for (const flowId of flows.keys()) if (!kept.has(flowId)) flows.delete(flowId);
    },
  };
}

/** Says of which picture a flow is that is gone on with. */
export function namingPictures(
  reporter: Reporter,
  notes: ReadonlyMap<string, UploadNote>,
): Reporter {
  return {
    hop: (hop) => reporter.hop(hop),
    notice(notice) {
      const note = notes.get(notice.flowId ?? "");
      const isNamed = notice.code === "resumed" && note !== undefined;
      reporter.notice(
        isNamed ? { ...notice, message: `${notice.message} (${note.file})` } : notice,
      );
    },
  };
}

const longestMs = 24 * 60 * 60 * 1000;

/** Removes notes of flows that ended without a listener, or were never accepted. */
export async function removeOldNotes(
  notes: UploadNotes,
  known: ReadonlyMap<string, UploadNote>,
  {
    clock,
    stateOf,
  }: { readonly clock: Clock; readonly stateOf: (id: string) => Promise<FlowState> },
): Promise<void> {
  for (const [flowId, { startedAt }] of known) {
    const state = await stateOf(flowId);
    const isOld = clock.nowMs() - toEpochMs(startedAt) > longestMs;
    if (hasEnded(state) || (state.status === "idle" && isOld)) await notes.remove(flowId);
  }
}
