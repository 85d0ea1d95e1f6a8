import { expect, test } from "vitest";
import { createAssignment } from "./assignment.ts";
import type { Client, OpenClient } from "./client.ts";
import type { Connection } from "./connection.ts";
import { createMembership } from "./membership.ts";

type Tell = (event: string, payload?: object) => void;

/** Clients whose consumers run like this, one after the other. */
function clients(...runs: readonly ((tell: Tell) => Promise<void>)[]) {
  let opened = 0;
  const destroyed: number[] = [];
  const openClient: OpenClient = () => {
    const listeners = new Map<string, (event: object) => void>();
    const run = runs[opened++];
    const number = opened;
    const consumer = {
      events: {
        ...{ GROUP_JOIN: "joined", REBALANCING: "rebalancing", CRASH: "crash", FETCH: "fetch" },
        END_BATCH_PROCESS: "batch",
      },
      on: (event: string, listener: (event: object) => void) => listeners.set(event, listener),
      ...{ connect: async () => undefined, subscribe: async () => undefined },
      run: () => run?.((event, payload = {}) => listeners.get(event)?.({ payload })),
      disconnect: async () => undefined,
    };
    const client = { kafka: { consumer: () => consumer }, destroy: () => destroyed.push(number) };
    return client as unknown as Client; // as much of it as a membership uses
  };
  return { openClient, opened: () => opened, destroyed: () => destroyed };
}

function membership(openClient: OpenClient) {
  const connection = { openClient, isUp: () => true, suspect: () => undefined };
  const options = { group: "g", topics: ["t"], sessionTimeoutMs: 10_000 };
  return createMembership({
    ...options,
    assignment: createAssignment({ window: 1, starts: new Map() }),
    connection: connection as unknown as Connection, // as much of it as a membership uses
    ...{ fetched: () => undefined, flush: async () => undefined, onJoined: () => undefined },
  });
}

const crash = async (tell: Tell) => tell("crash");
const join = async (tell: Tell) => tell("joined", { memberId: "m", memberAssignment: { t: [0] } });

test("joining rejects at once when its life ends", async () => {
  const endsLater = async (tell: Tell) => void setTimeout(() => tell("crash"), 10);
  for (const run of [crash, endsLater]) {
    const { openClient, opened } = clients(run, join);
    await expect(membership(openClient).join()).rejects.toMatchObject({
      code: "E_SERVICE_UNAVAILABLE",
    });
    expect(opened()).toBe(1); // whoever waits decides what next
  }
});

test("the first time it tries until it is a member", async () => {
  const { openClient, opened } = clients(crash, crash, join);
  const { begin, current } = membership(openClient);
  await begin();
  expect(current()).not.toBeNull();
  expect(opened()).toBe(3);
});

/** Consumers whose first one hangs until it is let go on; the others join. */
function hanging() {
  let proceed = () => {};
  const gate = new Promise<void>((resolve) => {
    proceed = resolve;
  });
  let said: Tell = () => undefined;
  const hang = async (tell: Tell) => {
    said = tell;
    await gate;
  };
  return {
    ...clients(hang, join, join),
    proceed,
    say: (event: string) => join(said).then(() => said(event)),
  };
}

test("an attempt to join ends as soon as another one begins, and then changes nothing", async () => {
  const { destroyed, openClient, proceed, say } = hanging();
  const { current, join: tryToJoin } = membership(openClient);
  const first = tryToJoin();
  await Promise.all([
    tryToJoin(),
    expect(first).rejects.toMatchObject({ code: "E_SERVICE_UNAVAILABLE" }),
  ]);
  expect(destroyed()).toEqual([1]);
  const member = current();
  proceed();
  await say("crash");
  expect(member).not.toBeNull();
  expect(current()).toBe(member);
});

test("an attempt that hangs does not keep the next restart from joining", async () => {
  const { opened, openClient } = hanging();
  const { current, restart } = membership(openClient);
  restart();
  await expect.poll(opened, { timeout: 5000 }).toBe(1);
  restart();
  await expect.poll(current, { timeout: 5000 }).not.toBeNull();
});
