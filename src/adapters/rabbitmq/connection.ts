import { setTimeout as wait } from "node:timers/promises";
import { TuError } from "../../pipeline/errors.ts";
import { orAborted } from "../../pipeline/or-aborted.ts";
import type { TransportState } from "../../pipeline/ports/transport.ts";
import type { OpenModel } from "./client.ts";
import { isRefusal, toTuError, unavailable } from "./errors.ts";
import { type Link, onChannel, openLink } from "./link.ts";

/** Something that lives on the connection: what is declared, the publisher, a subscription. */
export type Attached = {
  /** The link has ended. */
  lose(): void;
  /** Resolves when it works on a fresh link, which is not announced yet. */
  rejoin(link: Link): Promise<void>;
  /** The connection is told to be back, or to take messages again. */
  resume(): void;
};

export type Connection = {
  onState(listener: (state: TransportState) => void): () => void;
  isUp(): boolean;
  isBlocked(): boolean;
  /** Throws E_SERVICE_UNAVAILABLE while there is none. */
  link(): Link;
  /** Runs one operation; rejects with our errors, at once if the connection is lost meanwhile. */
  run<T>(doing: string, work: (link: Link) => Promise<T>): Promise<T>;
  attach(member: Attached): () => void;
  close(): Promise<void>;
};

export type ConnectionOptions = {
  readonly openModel: OpenModel;
  /** How long an operation waits for its answer, and a connection that gave none for another chance. */
  readonly answerTimeoutMs: number;
  /** Reports what keeps the connection from coming back, other than a broker that is not there. */
  readonly onError: (error: unknown, where: string) => void;
};

const firstPauseMs = 100;
const longestPauseMs = 2000;

/**
 * Keeps a link to the broker.
 *
 * 1. A link lives once. When one of its connections closes, for whatever reason, or answers nothing, both are cut and
 *    everything is opened anew. amqplib's own recovery is not used.
 * 2. `lost` is told when everything that was waiting has been rejected; `back` when everything attached works again.
 * 3. Blocked is the link that publishes. A new link is not, until the broker says so.
 */
export async function createConnection(options: ConnectionOptions): Promise<Connection> {
  const { onState, tell } = createTeller();
  const members = new Set<Attached>();
  const closing = new AbortController();
  const fresh = () => openLink(options.openModel, closing.signal);
  let current: Link = await fresh();
  let state: "up" | "lost" | "closed" = "up";
  let isBlocked = false;

  const resume = () => {
    for (const member of [...members]) member.resume();
  };
  const setBlocked = (link: Link, next: boolean) => {
    if (link !== current || link.ended.aborted || isBlocked === next) return;
    isBlocked = next;
    if (state !== "up") return;
    tell(next ? "blocked" : "unblocked");
    if (!next) resume();
  };
  const lose = (link: Link) => {
    if (link !== current || state !== "up") return;
    state = "lost";
    isBlocked = false;
    for (const member of members) member.lose();
    tell("lost");
    void reconnect();
  };
  const watch = (link: Link) => {
    link.ended.addEventListener("abort", () => lose(link));
    if (link.ended.aborted) lose(link);
    link.publishing.on("blocked", () => setBlocked(link, true));
    link.publishing.on("unblocked", () => setBlocked(link, false));
  };
  const reopen = async () => {
    const link = await fresh();
    current = link;
    isBlocked = false;
    watch(link);
    try {
      for (const member of members) await answered(link, options, member.rejoin(link));
      if (state !== "lost" || link.ended.aborted) throw unavailable(state);
    } catch (error) {
      link.end(toTuError(error, "reconnecting"));
      for (const member of members) member.lose();
      throw error;
    }
    state = "up";
    tell("back");
    if (isBlocked) tell("blocked");
    resume();
  };
  const reconnect = async () => {
    const report = onceByCode((error) => options.onError(error, "reconnecting to RabbitMQ"));
    for (let pauseMs = firstPauseMs; state === "lost"; pauseMs *= 2) {
      const signal = closing.signal;
      await wait(Math.min(pauseMs, longestPauseMs), null, { signal }).catch(() => null);
      if (state === "lost") await reopen().catch(report);
    }
  };
  watch(current);
  const link = () => {
    if (state !== "up") throw unavailable(state);
    return current;
  };
  return {
    ...{ onState, isUp: () => state === "up", isBlocked: () => isBlocked, link },
    async run(doing, work) {
      const used = link();
      try {
        return await answered(used, options, work(used));
      } catch (error) {
        throw toTuError(error, doing);
      }
    },
    attach(member) {
      members.add(member);
      return () => void members.delete(member);
    },
    async close() {
      const wasUp = state === "up";
      state = "closed";
      closing.abort(unavailable("closed"));
      for (const member of members) member.lose();
      if (wasUp) await current.close();
      else current.end(unavailable("closed"));
    },
  };
}

function createTeller() {
  const listeners = new Set<(state: TransportState) => void>();
  return {
    tell(change: TransportState): void {
      for (const listener of [...listeners]) listener(change);
    },
    onState(listener: (state: TransportState) => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/**
 * One queue may have no answer, without a majority of its members, while everything else works: then the connection is
 * asked.
 */
async function answered<T>(
  link: Link,
  { answerTimeoutMs }: Pick<ConnectionOptions, "answerTimeoutMs">,
  work: Promise<T>,
): Promise<T> {
  const late = new AbortController();
  const isAlive = async () => {
    const asked = onChannel(link, async () => undefined);
    await orAborted(link.orEnded(asked), AbortSignal.timeout(answerTimeoutMs));
  };
  const timer = setTimeout(() => {
    late.abort(unavailable(`up, but there is no answer after ${answerTimeoutMs} ms`));
    isAlive().catch(() => link.end(unavailable("lost")));
  }, answerTimeoutMs);
  try {
    return await orAborted(link.orEnded(work), late.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** A broker that is not there is what reconnecting is for; what it refuses is told, once. */
function onceByCode(report: (error: TuError) => void): (error: unknown) => void {
  const told = new Set<string>();
  return (error) => {
    if (!(error instanceof TuError) || !isRefusal(error) || told.has(error.code)) return;
    told.add(error.code);
    report(error);
  };
}
