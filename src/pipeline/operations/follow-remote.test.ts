import { expect, onTestFinished, test } from "vitest";
import { TuError } from "../errors.ts";
import type { ClientListener, GatewayClient } from "../ports/gateway-client.ts";
import type { Hop } from "../ports/reporter.ts";
import { sampleHop } from "../trace/hop.samples.ts";
import { createRecorder } from "../trace/recorder.ts";
import { createFollower } from "./follow-remote.ts";

const flowId = "0198c7e6-2f6a-7000-8000-000000000001";
const hop = (name: string) => sampleHop({ flowId, name });

/** A pipeline elsewhere: `seen` are its hops; a question that finds none waits until there is one. */
function elsewhere() {
  const seen: Hop[] = [];
  const waiting = new Set<() => void>();
  const notices: string[] = [];
  let listener: ClientListener | undefined;
  let isBroken = false;
  const recorder = createRecorder({
    hop: () => undefined,
    notice: ({ message }) => void notices.push(message),
  });
  const gateway: GatewayClient = {
    startUpload: async () => ({
      ...{ correlationId: flowId, uploadId: "u", key: "images/a.png", putUrl: "http://put" },
      expiresAt: "2026-01-01T00:05:00.000Z",
    }),
    confirmUpload: async () => undefined,
    async subscribe(_flowId, to) {
      listener = to;
      return { close: async () => undefined };
    },
  };
  const follower = createFollower({
    ...{ gateway, recorder },
    observers: [
      {
        async hops(_flowId, { known, signal, waitMs }) {
          if (isBroken) throw new TuError("E_SERVICE_UNAVAILABLE", "it does not answer");
          if (seen.length <= known && waitMs > 0)
            await new Promise<void>((resolve, reject) => {
              waiting.add(resolve);
              signal.addEventListener("abort", () => reject(signal.reason as Error));
            });
          return seen.slice(known);
        },
      },
    ],
  });
  onTestFinished(() => follower.close());
  return {
    ...{ follower, notices, recorder },
    see(name: string) {
      seen.push(hop(name));
      for (const wake of [...waiting]) wake();
      waiting.clear();
    },
    /** As if its network did not tell of the hop by itself. */
    seeSilently: (name: string) => void seen.push(hop(name)),
    tell: (name: string) => listener?.onEvent({ name, id: "e1", payload: {} }),
    break() {
      isBroken = true;
      for (const wake of [...waiting]) wake();
    },
    namesOf: () => recorder.hopsOf(flowId).map(({ name }) => name),
  };
}
const start = ({ follower }: ReturnType<typeof elsewhere>) =>
  follower.gateway.startUpload({ filename: "a.png", contentType: "image/png" });

test("hops are recorded in their order, each once", async () => {
  const there = elsewhere();
  await start(there);
  for (const name of ["one", "two", "three"]) there.see(name);
  await there.recorder.until(flowId, ({ name }) => name === "three");
  expect(there.namesOf()).toEqual(["one", "two", "three"]);
});

test("when the end is told, every hop before it is recorded", async () => {
  const there = elsewhere();
  await start(there);
  const ended = new Promise<readonly string[]>((resolve) => {
    void there.follower.gateway.subscribe(flowId, {
      onEvent: () => resolve(there.namesOf()),
      onLost: () => undefined,
    });
  });
  there.seeSilently("one");
  there.seeSilently("two");
  there.tell("analysis.completed");
  expect(await ended).toEqual(["one", "two"]);
});

test("if it does not answer any more, a notice says that hops are missing, and the end is told", async () => {
  const there = elsewhere();
  await start(there);
  const ended = new Promise<string>((resolve) => {
    void there.follower.gateway.subscribe(flowId, {
      onEvent: ({ name }) => resolve(name),
      onLost: () => undefined,
    });
  });
  there.break();
  there.tell("analysis.completed");
  expect(await ended).toBe("analysis.completed");
  expect(there.notices).toEqual(["hops are missing: it does not answer"]);
});

test("a flow that is forgotten is no longer followed", async () => {
  const there = elsewhere();
  await start(there);
  there.see("one");
  await there.recorder.until(flowId, () => true);
  there.follower.recorder.forget(flowId);
  there.see("two");
  await there.follower.close();
  expect(there.namesOf()).toEqual([]);
});
