import { afterEach, expect, test, vi } from "vitest";
import type { Attached, Connection } from "./connection.ts";
import type { Link } from "./link.ts";
import { createSubscription } from "./subscription.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

test("a queue that gives no answer is reported, and does not keep the connection away", async () => {
  const members: Attached[] = [];
  const errors: unknown[] = [];
  createSubscription({
    ...{ queue: "q", prefetch: 1, handler: async () => undefined },
    connection: {
      attach: (member: Attached) => members.push(member),
    } as unknown as Connection, // it calls nothing else
    onError: (error) => errors.push(error),
  });
  vi.spyOn(AbortSignal, "timeout").mockImplementation(() => AbortSignal.abort(new Error("late")));
  const silent = new Promise<never>(() => undefined);
  const ended = new AbortController().signal;
  const link = { ended, working: { createChannel: () => silent } } as unknown as Link; // it needs no more
  await Promise.all(members.map((member) => member.rejoin(link)));
  expect(errors).toMatchObject([{ code: "E_SERVICE_UNAVAILABLE" }]);
});
