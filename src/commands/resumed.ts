import { endsOfAnalysis } from "../pipeline/contracts/analysis.ts";
import { createDeferred, type Deferred } from "../pipeline/deferred.ts";
import type { AdoptedFlow } from "../pipeline/delivery/adopted-flows.ts";
import { isAwaited } from "../pipeline/engine/decide.ts";
import type { Definition } from "../pipeline/engine/definition.ts";
import { type FlowState, hasEnded } from "../pipeline/engine/state.ts";
import type { Message } from "../pipeline/message.ts";
import type { ClientEvent } from "../pipeline/operations/upload.ts";
import type { ClientFeed } from "../pipeline/ports/client-feed.ts";
import type { Clock } from "../pipeline/ports/clock.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import type { UploadNote, UploadNotes } from "../pipeline/ports/upload-notes.ts";
import { durationText, toEpochMs } from "../pipeline/time.ts";

// Flows that an earlier run left behind and this one resumes: the picture of each, and the events received.

export type Resumed = {
  readonly flowId: string;
  /** Null if its note is lost. */
  readonly note: UploadNote | null;
  /** When the timer that it waits for is due; null: it continues at once. */
  readonly waitsUntilMs: number | null;
  /** All events received in this process, once it has ended. */
  readonly events: Promise<readonly ClientEvent[]>;
};

/** Nothing is kept, so there is nothing to note either. */
export const noNotes: UploadNotes = {
  put: async () => undefined,
  find: async () => null,
  all: async () => new Map(),
  remove: async () => undefined,
};

export type ResumedFlows = {
  /** Flows that were adopted, before any of their messages are sent again. */
  adopted(flows: readonly AdoptedFlow[]): Promise<void>;
  /** Those whose end will be received here; more are added when another process dies. */
  all(): readonly Resumed[];
};

/** Listens to the flows that are adopted, and tells the user of each. */
export function createResumedFlows(ports: {
  readonly clock: Clock;
  readonly definition: Definition;
  readonly hearing: Pick<Hearing, "eventsOf">;
  readonly notes: Pick<UploadNotes, "find">;
  readonly recorder: Pick<Reporter, "notice">;
  readonly stateOf: (flowId: string) => Promise<FlowState>;
}): ResumedFlows {
  const { clock, definition, hearing, notes, recorder, stateOf } = ports;
  const flows = new Map<string, Resumed>();
  const add = async (flow: AdoptedFlow): Promise<void> => {
    const { flowId } = flow;
    const state = await stateOf(flowId);
    const waitsUntilMs = waitOf(flow, state, { clock, definition });
    const before = flows.get(flowId);
    if (before !== undefined) {
      flows.set(flowId, { ...before, waitsUntilMs: earlierOf(before.waitsUntilMs, waitsUntilMs) });
      return;
    }
    const note = await notes.find(flowId);
    const name = note === null ? flowId : `${flowId} (${note.file})`;
    const notice = (message: string) => recorder.notice({ code: "resumed", message, flowId });
    if (hasEnded(state) && !flow.messages.some(isEnd))
      return notice(`sending what flow ${name}, ended in an earlier run, still owes`);
    flows.set(flowId, { flowId, note, waitsUntilMs, events: hearing.eventsOf(flowId) });
    notice(`resuming flow ${name}, left by an earlier run${dueIn(waitsUntilMs, clock)}`);
  };
  return {
    async adopted(page) {
      const failures: unknown[] = [];
      for (const flow of page) await add(flow).catch((error) => failures.push(error));
      if (failures.length > 0) throw failures[0];
    },
    all: () => [...flows.values()],
  };
}

/** When the timer is due that a flow waits for; null: it continues at once. */
function waitOf(
  { messages, timers }: AdoptedFlow,
  state: FlowState,
  { clock, definition }: { readonly clock: Clock; readonly definition: Definition },
): number | null {
  if (messages.length > 0) return null;
  const awaited = timers.filter(({ message }) => isAwaited(definition, state, message));
  const untilMs = Math.min(...awaited.map(({ dueAtMs }) => dueAtMs));
  return untilMs > clock.nowMs() && Number.isFinite(untilMs) ? untilMs : null;
}

const isEnd = ({ name }: Pick<Message, "name">) => endsOfAnalysis.includes(name);

function dueIn(waitsUntilMs: number | null, clock: Clock): string {
  if (waitsUntilMs === null) return "";
  return `; it waits for a timer that is due in ${durationText(waitsUntilMs - clock.nowMs())}`;
}

function earlierOf(one: number | null, other: number | null): number | null {
  return one === null || other === null ? null : Math.min(one, other);
}

type Heard = { readonly events: Message[]; readonly end: Deferred };
export type Hearing = {
  /** Forwards what is published, and remembers it for the flows that were asked for. */
  readonly feed: ClientFeed;
  /** The events of a flow from now on, once it has ended. */
  eventsOf(flowId: string): Promise<readonly ClientEvent[]>;
};

export function createHearing(next: ClientFeed): Hearing {
  const flows = new Map<string, Heard>();
  return {
    feed: {
      publish(message) {
        next.publish(message);
        const heard = flows.get(message.flowId);
        if (heard === undefined) return;
        heard.events.push(message);
        if (isEnd(message)) heard.end.resolve();
      },
    },
    async eventsOf(flowId) {
      const heard = { events: [], end: createDeferred() };
      flows.set(flowId, heard);
      await heard.end.promise;
      return heard.events;
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
