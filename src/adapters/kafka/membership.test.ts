import { expect, test } from "vitest";
import { createAssignment } from "./assignment.ts";
import type { Client, OpenClient } from "./client.ts";
import type { Connection } from "./connection.ts";
import { createMembership } from "./membership.ts";

type Tell = (event: string, payload?: object) => void;

/** Clients whose consumers run like this, one after the other. */
function clients(...runs: readonly ((tell: Tell) => Promise<void>)[]) {
  let opened = 0;
  const openClient: OpenClient = () => {
    const listeners = new Map<string, (event: object) => void>();
    const run = runs[opened++];
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
    const client = { kafka: { consumer: () => consumer }, destroy: () => undefined };
    return client as unknown as Client; // as much of it as a membership uses
  };
  return { openClient, opened: () => opened };
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
