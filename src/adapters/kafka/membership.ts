import { setTimeout as wait } from "node:timers/promises";
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

/** Supervises the consumers of kafkajs, each of which lives once, so that the subscription stays a member. */
export function createMembership(options: MembershipOptions): Membership {
  const { assignment, connection, group } = options;
  let member: GroupMember | null = null;
  let formerId: string | null = null;
  let isClosing = false;
  let isRejoining = false;

  const join = async () => {
    const began = assignment.era();
    const isStale = () => began !== assignment.era() || isClosing;
    const { failed, joined, joining } = createJoining();
    let life: GroupMember | null = null;
    let hasJoined = false;
    life = await joinGroup(
      connection.openClient,
      { ...options, formerId },
      {
        assigned(partitions, isNew) {
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
    if (isStale()) {
      life.abandon();
      throw unavailable("lost");
    }
    member = life;
    await within(joinTimeoutMs, `joining ${group}`, joining);
    options.onJoined();
  };
  const abandon = () => {
    formerId = member?.id() ?? formerId;
    member?.abandon();
    member = null;
  };
  const drop = () => {
    abandon();
    assignment.lose();
  };
  const begin = async () => {
    for (const until = Date.now() + beginTimeoutMs; ; await wait(rejoinPauseMs)) {
      const failure = await join().then(
        () => null,
        (error: unknown) => ({ error }),
      );
      if (failure === null) return;
      drop();
      if (Date.now() > until || !canRejoin()) throw failure.error;
    }
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
      if (canRejoin()) await join().catch(drop);
    }
    isRejoining = false;
  };
  return {
    ...{ begin, join, drop, restart, current: () => member },
    async close() {
      isClosing = true;
      if (connection.isUp()) await member?.leave();
      abandon();
      assignment.end();
    },
  };
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
