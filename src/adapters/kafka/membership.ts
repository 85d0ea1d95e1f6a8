import { setTimeout as wait } from "node:timers/promises";
import { orAborted } from "../../pipeline/or-aborted.ts";
import type { Assignment } from "./assignment.ts";
import type { Connection } from "./connection.ts";
import { unavailable } from "./errors.ts";
import { type Fetched, type GroupMember, joinGroup } from "./group-member.ts";
import { within } from "./within.ts";

export type Membership = {
  /** Null between two lives. */
  current(): GroupMember | null;
  /** As `join`, for the first time: a fresh cluster has no coordinator for its groups for some seconds. */
  begin(): Promise<void>;
  /** Resolves with an assignment; rejects if that fails or the connection is lost. */
  join(): Promise<void>;
  /** No longer a member; nothing is tried until somebody joins. */
  drop(): void;
  /** Ends the current life, and begins others until one has joined. */
  restart(): void;
  close(): Promise<void>;
};

type MembershipOptions = {
  readonly assignment: Assignment;
  readonly connection: Connection;
  readonly group: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly fetched: (fetched: Fetched) => void;
  readonly flush: (member: GroupMember | null) => Promise<void>;
  readonly onJoined: () => void;
};

const joinTimeoutMs = 90_000;
const rejoinPauseMs = 500;
const beginTimeoutMs = 30_000;

/**
 * Supervises the consumers of kafkajs, each of which lives once, so that the subscription stays a member. Only the
 * latest attempt to join counts. An earlier one, which may hang on a dead connection, is ended before: it could still get
 * through, and the group would wait for a member that nobody is.
 */
export function createMembership(options: MembershipOptions): Membership {
  const { assignment, connection, group } = options;
  let member: GroupMember | null = null;
  let formerId: string | null = null;
  let isClosing = false;
  let isRejoining = false;
  let attempt = new AbortController();

  const join = async () => {
    abandon();
    const { signal } = attempt;
    try {
      await orAborted(joinUntil(signal), signal);
    } catch (error) {
      if (!signal.aborted) drop();
      throw error;
    }
  };
  const joinUntil = async (over: AbortSignal) => {
    const isStale = () => over.aborted || isClosing;
    const { failed, joined, joining } = createJoining();
    let life: GroupMember | null = null;
    let hasJoined = false;
    life = await joinGroup(
      connection.openClient,
      { ...options, formerId, over },
      {
        assigned(partitions, isNew) {
          if (isStale()) return;
          if (isNew) assignment.lose();
          assignment.assign(partitions);
          hasJoined = true;
          joined();
          options.onJoined();
        },
        rebalancing: () => void options.flush(member),
        fetched: options.fetched,
        ended: () => {
          failed(unavailable("lost")); // nobody waits any more, once it has joined
          if (hasJoined && life !== null && member === life && !isClosing) restart();
        },
      },
    );
    if (isStale()) throw unavailable("lost");
    member = life;
    await within(joinTimeoutMs, `joining ${group}`, joining);
    options.onJoined();
  };
  const abandon = () => {
    formerId = member?.id() ?? formerId;
    member = null;
    attempt.abort(unavailable("lost"));
    attempt = new AbortController();
  };
  const drop = () => {
    abandon();
    assignment.lose();
  };
  const restart = () => {
    drop();
    connection.suspect();
    void rejoin();
  };
  const canRejoin = () => !isClosing && connection.isUp() && !assignment.isMember();
  const rejoin = async () => {
    if (isRejoining) return;
    isRejoining = true;
    while (canRejoin()) {
      await wait(rejoinPauseMs);
      if (canRejoin()) await join().catch(() => undefined); // tried again
    }
    isRejoining = false;
  };
  return {
    ...{ join, drop, restart, current: () => member },
    begin: () => untilJoined(join, canRejoin),
    async close() {
      isClosing = true;
      if (connection.isUp()) await member?.leave();
      abandon();
      assignment.end();
    },
  };
}

async function untilJoined(join: () => Promise<void>, canTry: () => boolean): Promise<void> {
  for (const until = Date.now() + beginTimeoutMs; ; await wait(rejoinPauseMs)) {
    const failure = await join().then(
      () => null,
      (error: unknown) => ({ error }),
    );
    if (failure === null) return;
    if (Date.now() > until || !canTry()) throw failure.error;
  }
}

function createJoining() {
  let joined = () => {};
  let failed = (_: Error) => {};
  const joining = new Promise<void>((resolve, reject) => {
    joined = resolve;
    failed = reject;
  });
  joining.catch(() => undefined); // it may end before anybody waits for that
  return { joining, joined, failed };
}
