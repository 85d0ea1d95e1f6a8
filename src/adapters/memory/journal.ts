import type { Timer } from "../../pipeline/message.ts";
import type {
  FlowRecord,
  Journal,
  JournalEntry,
  JournalPlace,
  Owed,
  OwedTo,
  Tries,
} from "../../pipeline/ports/journal.ts";

type Run = { readonly isAlive: () => boolean };
/** A message that a consumer must record or a transport must take, or a timer that must fire. */
type Work = {
  readonly owed: Owed;
  readonly consumer: string;
  readonly place: JournalPlace;
  run: Run;
};

/** What all runs have written; one that is gone leaves its work in it to the others. */
export type SharedJournal = {
  count: number;
  readonly byMessage: Map<string, JournalEntry>;
  readonly byFlow: Map<string, readonly JournalEntry[]>;
  readonly flows: Map<string, FlowRecord>;
  /** Messages that arrived at one consumer at least. */
  readonly arrived: Set<string>;
  /** In the order of recording. */
  readonly open: Map<string, Work>;
  /** Keys of a flow's open timers. */
  readonly timers: Map<string, readonly string[]>;
  readonly tries: Map<string, Tries>;
};

export function createSharedJournal(): SharedJournal {
  return {
    count: 0,
    byMessage: new Map(),
    byFlow: new Map(),
    flows: new Map(),
    arrived: new Set(),
    open: new Map(),
    timers: new Map(),
    tries: new Map(),
  };
}

export type MemoryJournalOptions = {
  readonly owedTo?: OwedTo;
  /** Default: it is not shared. */
  readonly shared?: SharedJournal;
  /** Default: until it is closed. */
  readonly isAlive?: () => boolean;
};

/** In place of a consumer: the transport that has to take a message. */
const transport = "";

/** Everything recorded, in memory, as one run sees it. */
export function createMemoryJournal(
  options: MemoryJournalOptions = {},
): Journal & { close(): void } {
  const { owedTo = () => [], shared = createSharedJournal() } = options;
  const { byFlow, byMessage, flows, open, tries } = shared;
  let isClosed = false;
  const own: Run = { isAlive: () => !isClosed && (options.isAlive?.() ?? true) };

  /** States are those of last entries, and final ones. */
  const kept = (entry: JournalEntry): JournalEntry => {
    if (entry.flow === null || entry.flow.ended) return entry;
    const last = flows.get(keyOf(entry.consumer, entry.message.flowId));
    if (last?.sequence === entry.flow.sequence) return entry;
    return { ...entry, flow: { ...entry.flow, state: null } };
  };
  const record: Journal["record"] = async (entry) => {
    const { consumer, message, flow } = entry;
    const known = byMessage.get(keyOf(consumer, message.id));
    if (known !== undefined) return { outcome: "duplicate", entry: kept(known) };
    if (flow !== null) {
      const last = flows.get(keyOf(consumer, message.flowId))?.sequence ?? 0;
      if (flow.sequence !== last + 1) return { outcome: "conflict" };
      flows.set(keyOf(consumer, message.flowId), flow);
    }
    byMessage.set(keyOf(consumer, message.id), entry);
    byFlow.set(message.flowId, [...(byFlow.get(message.flowId) ?? []), entry]);
    tries.delete(keyOf(consumer, message.id));
    follow(shared, own, owedTo, entry);
    return { outcome: "recorded" };
  };
  return {
    record,
    accept: record,
    durable: async () => undefined,
    async find(consumer, messageId) {
      const entry = byMessage.get(keyOf(consumer, messageId));
      return entry === undefined ? undefined : kept(entry);
    },
    flow: async (consumer, flowId) => flows.get(keyOf(consumer, flowId)),
    history: async (flowId) => (byFlow.get(flowId) ?? []).map(kept),
    sent(messages) {
      for (const { id } of messages) open.delete(keyOf(transport, id));
    },
    async unsent({ after, limit }) {
      const found = [...open.values()].filter(
        ({ consumer, place, run }) =>
          run === own && consumer === transport && (after === null || isBehind(place, after)),
      );
      const page = found.slice(0, limit);
      return {
        messages: page.map(({ owed }) => messageOf(owed)),
        next: found.length > limit ? (page.at(-1)?.place ?? null) : null,
      };
    },
    async adopt(limit) {
      const left = [...open.values()].filter(({ run }) => !run.isAlive()).slice(0, limit);
      for (const work of left) {
        work.run = own;
        // Its transport may be gone with its run: it is to be sent again.
        if (work.owed.type === "message")
          open.set(keyOf(transport, work.owed.message.id), { ...work, consumer: transport });
      }
      const named = (owed: Owed) =>
        owed.type === "message" ? owed.message.id : `${owed.timer.owner} ${owed.timer.message.id}`;
      return [...new Map(left.map(({ owed }) => [named(owed), owed])).values()];
    },
    async waiting(places) {
      const timers = new Map<string, Timer>();
      for (const { owed } of open.values())
        if (owed.type === "timer")
          timers.set(`${owed.place.seq}/${owed.place.position}`, owed.timer);
      return places.map(({ position, seq }) => timers.get(`${seq}/${position}`) ?? null);
    },
    async failed(consumer, message, at) {
      const before = tries.get(keyOf(consumer, message.id));
      const now = { count: (before?.count ?? 0) + 1, firstAt: before?.firstAt ?? at };
      tries.set(keyOf(consumer, message.id), now);
      return now;
    },
    async pardon(consumer, message) {
      tries.delete(keyOf(consumer, message.id));
    },
    close() {
      isClosed = true;
    },
  };
}

/** Opens what an entry asks for, and closes what it did. */
function follow(shared: SharedJournal, run: Run, owedTo: OwedTo, entry: JournalEntry): void {
  close(shared, entry);
  shared.count += 1;
  const seq = shared.count;
  for (const [position, message] of entry.outgoing.entries())
    for (const consumer of [transport, ...owedTo(message)])
      begin(shared, {
        consumer,
        owed: { type: "message", message },
        place: { seq, position },
        run,
      });
  for (const [position, timer] of entry.timers.entries())
    begin(shared, {
      consumer: timer.owner,
      owed: { type: "timer", timer, place: { seq, position } },
      place: { seq, position },
      run,
    });
}

function begin({ arrived, byMessage, flows, open, timers }: SharedJournal, work: Work): void {
  const { consumer, owed } = work;
  const { id, flowId } = messageOf(owed);
  const key = keyOf(consumer, id);
  const isDone = consumer === transport ? arrived.has(id) : byMessage.has(key);
  if (open.has(key) || isDone) return;
  if (owed.type === "timer") {
    if (flows.get(keyOf(consumer, flowId))?.ended === true) return;
    timers.set(flowId, [...(timers.get(flowId) ?? []), key]);
  }
  open.set(key, work);
}

function close(shared: SharedJournal, { consumer, message, flow, parks }: JournalEntry): void {
  const { arrived, open, timers } = shared;
  if (parks !== undefined) open.delete(keyOf(parks.consumer, parks.messageId));
  arrived.add(message.id);
  open.delete(keyOf(consumer, message.id));
  open.delete(keyOf(transport, message.id));
  if (flow?.ended !== true) return;
  const left = (timers.get(message.flowId) ?? []).filter(
    (key) => open.get(key)?.consumer !== consumer || !open.delete(key),
  );
  timers.delete(message.flowId);
  if (left.length > 0) timers.set(message.flowId, left);
}

function messageOf(owed: Owed) {
  return owed.type === "message" ? owed.message : owed.timer.message;
}

function isBehind(place: JournalPlace, other: JournalPlace): boolean {
  return place.seq > other.seq || (place.seq === other.seq && place.position > other.position);
}

const keyOf = (consumer: string, id: string) => `${consumer}\u0000${id}`;
