import fc from "fast-check";
import { expect, test } from "vitest";
import { createSystemClock } from "../../adapters/memory/clock.ts";
import { createMemoryDefinitions } from "../../adapters/memory/definitions.ts";
import { createRandomIds, sha256 } from "../../adapters/memory/ids.ts";
import { createMemoryJournal, createSharedJournal } from "../../adapters/memory/journal.ts";
import { findContract } from "../contracts/catalogue.ts";
import { flowNamed } from "../flows/flow.ts";
import type { Message } from "../message.ts";
import type { Journal } from "../ports/journal.ts";
import { createOrchestrator } from "../services/orchestrator.ts";
import { recordDecision, recordReaction, recordRequest } from "./record.ts";
import { createRelay, type Relay } from "./relay.ts";
import { believing, idleTimers } from "./shell.samples.ts";
import type { ShellPorts } from "./shell.ts";

const { definition } = flowNamed("full");
const definitions = createMemoryDefinitions();
const orchestrator = createOrchestrator({
  definition,
  definitions,
  digest: sha256,
  isInDoubt: () => false,
});
const ids = createRandomIds();
const clock = { ...createSystemClock(), nowMs: () => 0 };

const incoming = (name: string, id: string): Message => ({
  id,
  name,
  kind: "event",
  flowId: "f1",
  causationId: null,
  subject: "images/a.png",
  occurredAt: "2026-01-01T00:00:00.000Z",
  producer: "test",
  schema: `${name}.v1`,
  headers: {},
  payload: findContract(name)?.example,
});
/** Each message is delivered twice, as brokers do. */
const inputs = [
  "tu.image.uploaded",
  "recognition.completed",
  "comparison.completed",
  "metadata.sorted",
]
  .map((name) => incoming(name, `m-${name}`))
  .flatMap((message) => [message, message]);

class Crash extends Error {}

/** A world that dies at the given awaits and redelivers whatever was not acknowledged. */
function world(crashAt: readonly number[]) {
  const shared = createSharedJournal();
  const published = new Map<string, Message>();
  const acknowledged = new Set<number>();
  let awaits = 0;
  let isDead = false;
  const fuse = () => {
    awaits += 1;
    isDead ||= crashAt.includes(awaits);
    if (isDead) throw new Crash();
  };
  /** The state as the next process finds it. */
  const start = (): ShellPorts & { relay: Relay; inner: Journal; end: () => Promise<void> } => {
    isDead = false;
    const inner = createMemoryJournal({ shared });
    const journal: Journal = {
      ...inner,
      async flow(...args) {
        fuse();
        return inner.flow(...args);
      },
      async record(entry) {
        fuse();
        const result = await inner.record(entry);
        fuse();
        return result;
      },
    };
    const reporter = { hop: () => undefined, notice: () => undefined };
    const publish = async (message: Message) => {
      fuse();
      expect(published.get(message.id) ?? message, "one id, one body").toEqual(message);
      published.set(message.id, message);
      fuse();
    };
    const relay = createRelay({ journal, timers: idleTimers, clock, reporter, publish });
    const end = async () => {
      inner.close();
      await relay.close();
    };
    const ports = { journal, clock, ids, timers: idleTimers, reporter, relay };
    return { ...ports, handsOnEarly: false, links: believing, inner, end };
  };
  return { start, published, acknowledged, fuse };
}

async function deliver(message: Message, ports: ShellPorts): Promise<readonly string[]> {
  if (orchestrator.stateful === undefined) throw new Error("the orchestrator keeps state");
  const entry = await recordDecision(orchestrator, message, orchestrator.stateful, ports);
  if (entry !== undefined) await ports.relay.dispatch(entry);
  return (entry?.outgoing ?? []).map(({ name }) => name);
}

async function untilDone({ acknowledged, fuse, start }: ReturnType<typeof world>): Promise<void> {
  for (let restart = 0; restart < 100; restart += 1) {
    const ports = start();
    try {
      await ports.relay.start();
      for (const [index, message] of inputs.entries()) {
        if (acknowledged.has(index)) continue;
        await deliver(message, ports);
        fuse();
        acknowledged.add(index);
      }
      fuse(); // if this process has died, the next one sends what was acknowledged last
      return;
    } catch (error) {
      if (!(error instanceof Crash)) throw error;
    } finally {
      await ports.end();
    }
  }
  throw new Error("never finished");
}

test("a crash at any await neither loses nor invents a message", async () => {
  const calm = world([]);
  await untilDone(calm);
  expect([...calm.published.values()].map(({ name }) => name)).toEqual([
    "analysis.started",
    "analysis.recognition.request",
    "analysis.comparison.request",
    "analysis.metadata.request",
    "analysis.completed",
  ]);
  const anyCrashes = fc.uniqueArray(fc.integer({ min: 1, max: 120 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(anyCrashes, async (crashes) => {
      const rough = world(crashes);
      await untilDone(rough);
      expect(Object.fromEntries(rough.published)).toEqual(Object.fromEntries(calm.published));
    }),
    { numRuns: 500 },
  );
});

test("a message that looks irrelevant on an old state is decided again on the new one", async () => {
  const ports = world([]).start();
  const { inner } = ports;
  const messages = inputs.filter((_, index) => index % 2 === 0);
  const [upload, recognition, comparison] = messages;
  if (upload === undefined || recognition === undefined || comparison === undefined) return;
  await deliver(upload, ports);
  const old = await inner.flow(orchestrator.name, "f1");
  await deliver(recognition, ports);
  let reads = 0;
  const late: ShellPorts = {
    ...ports,
    journal: {
      ...inner,
      async flow(consumer, flowId) {
        reads += 1;
        return reads === 1 ? old : inner.flow(consumer, flowId);
      },
    },
  };
  expect(await deliver(comparison, late)).toEqual(["analysis.metadata.request"]);
  expect(reads).toBe(2);
});

test("two runners on one flow agree on a single history", async () => {
  await fc.assert(
    fc.asyncProperty(fc.scheduler(), async (scheduler) => {
      const { published, start } = world([]);
      const ports = start();
      const { inner } = ports;
      const slow: ShellPorts = {
        ...ports,
        journal: {
          ...inner,
          flow: scheduler.scheduleFunction(inner.flow) as Journal["flow"], // keeps the signature
          record: scheduler.scheduleFunction(inner.record) as Journal["record"], // likewise
        },
      };
      const runner = async () => {
        for (const message of inputs) await deliver(message, slow);
      };
      await scheduler.waitFor(Promise.all([runner(), runner()]));
      const history = await inner.history("f1");
      expect(history.flatMap(({ flow }) => (flow === null ? [] : [flow.sequence]))).toEqual([
        1, 2, 3, 4,
      ]);
      const ends = [...published.values()].filter(({ name }) => name === "analysis.completed");
      expect(ends).toHaveLength(1);
    }),
    { numRuns: 200 },
  );
});

const noted = (message: Message) => ({
  ...message,
  ...{ id: "m-out", causationId: message.id },
});

test("who keeps losing against another process gives up after twenty tries, and says what to do", async () => {
  const ports = world([]).start();
  let records = 0;
  const contended: ShellPorts = {
    ...ports,
    journal: {
      ...ports.inner,
      async record() {
        records += 1;
        return { outcome: "conflict" };
      },
    },
  };
  const [upload] = inputs;
  if (upload === undefined || orchestrator.stateful === undefined) throw new Error("no input");
  await expect(
    recordDecision(orchestrator, upload, orchestrator.stateful, contended),
  ).rejects.toMatchObject({
    code: "E_JOURNAL_CONTENDED",
    message: "flow f1: another process keeps writing its history",
    hint: "stop the other process, or give each one its own --state-dir",
  });
  expect(records).toBe(20);
});

test("what changes nothing is guarded while its flow runs, and not before it begins or after its end", async () => {
  const guards: unknown[] = [];
  for (const flow of [
    undefined,
    { sequence: 3, state: "s", ended: false },
    { sequence: 4, state: "s", ended: true },
  ]) {
    const ports = world([]).start();
    const journal: Journal = {
      ...ports.inner,
      flow: async () => flow,
      async record(entry) {
        guards.push([entry.flow, entry.outgoing, entry.timers]);
        return { outcome: "recorded" };
      },
    };
    const [message] = inputs;
    if (message === undefined) throw new Error("no input");
    await recordDecision(orchestrator, message, async () => "no change", { ...ports, journal });
  }
  expect(guards).toEqual([
    [null, [], []],
    [{ sequence: 4, state: "s", ended: false }, [], []],
    [null, [], []],
  ]);
});

test("a record that failed is in doubt; what was decided before is sent only if it was", async () => {
  const ports = world([]).start();
  const doubts: string[] = [];
  let isDoubted = false;
  const [message] = inputs;
  if (message === undefined) throw new Error("no input");
  const known = {
    ...{
      consumer: "svc-messaging-bridge",
      message,
      outgoing: [noted(message)],
      timers: [],
      flow: null,
    },
  };
  const relay: ShellPorts["relay"] = {
    ...ports.relay,
    doubt: (consumer, id) => void doubts.push(`${consumer} ${id}`),
    wasDoubted: () => isDoubted,
  };
  const withJournal = (journal: Partial<Journal>) => ({
    ...ports,
    ...{ relay, journal: { ...ports.inner, ...journal } },
  });
  const nothing = async () => ({ outgoing: [] });
  const broken = withJournal({ record: () => Promise.reject(new Error("full")) });
  await expect(
    recordReaction({ name: "svc-messaging-bridge" }, message, nothing, broken),
  ).rejects.toThrow("full");
  expect(doubts).toEqual([`svc-messaging-bridge ${message.id}`]);
  const found = withJournal({ find: async () => known });
  const raced = withJournal({ record: async () => ({ outcome: "duplicate", entry: known }) });
  for (const each of [found, raced]) {
    isDoubted = false;
    expect(
      await recordReaction({ name: "svc-messaging-bridge" }, message, nothing, each),
    ).toBeUndefined();
    isDoubted = true;
    expect(await recordReaction({ name: "svc-messaging-bridge" }, message, nothing, each)).toBe(
      known,
    );
  }
});

test("a request is answered behind a durable record, however early the rest is handed on", async () => {
  const ports = world([]).start();
  const recorded: string[] = [];
  const journal: Journal = {
    ...ports.journal,
    accept: () => Promise.reject(new Error("the answer would come before the disk")),
    async record(entry) {
      recorded.push(entry.message.id);
      return ports.journal.record(entry);
    },
  };
  const cause = incoming("tu.images.uploaded", "m-upload");
  await recordRequest(
    orchestrator,
    cause,
    { outgoing: [] },
    { ...ports, journal, handsOnEarly: true },
  );
  expect(recorded).toEqual([cause.id]);
  await ports.end();
});
