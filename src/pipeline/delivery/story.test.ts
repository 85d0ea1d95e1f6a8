import { beforeEach, expect, test } from "vitest";
import { createRandomIds } from "../../adapters/memory/ids.ts";
import { createMemoryJournal } from "../../adapters/memory/journal.ts";
import { sampleMessage } from "../../adapters/testing/samples.ts";
import { findContract } from "../contracts/catalogue.ts";
import type { Hop } from "../ports/reporter.ts";
import { toUtf8 } from "./bytes.ts";
import { createConsumer } from "./consume.ts";
import { deliveryFromQueue } from "./delivery.ts";
import { nothing, type Reaction } from "./service.ts";
import { believing, idleTimers, takingRelay } from "./shell.samples.ts";
import type { ShellPorts } from "./shell.ts";

// What a consumer reports about each message: one hop each, with what distinguishes it.

let hops: Hop[];
let ports: ShellPorts;

beforeEach(() => {
  hops = [];
  ports = {
    journal: createMemoryJournal(),
    ids: createRandomIds(),
    clock: { nowMs: () => 5, sleep: async () => undefined },
    timers: idleTimers,
    reporter: { hop: (hop) => void hops.push(hop), notice: () => undefined },
    handsOnEarly: false,
    links: believing,
    relay: takingRelay(() => undefined),
  };
});

const settle = { done: async () => undefined, again: async () => undefined };

/** The note on an arrival's hop; the handlers do nothing. */
async function noteOf(
  name: string,
  headers: Readonly<Record<string, string>>,
  change: object = {},
): Promise<string | null | undefined> {
  const contract = findContract(name);
  const route = contract?.routes.find(({ transport }) => transport === "rabbitmq");
  if (contract === undefined || route === undefined) throw new Error(`no ${name} on RabbitMQ`);
  const service = route.consumers[0]?.service ?? "svc-analysis-orchestrator";
  const handlers = { [name]: async () => nothing };
  const consumer = createConsumer({ name: service, endpoints: [], handlers, prefetch: 1 }, ports);
  const delivery = {
    ...{ queue: "q", exchange: name, routingKey: "", redelivered: false, properties: {}, headers },
    ...{ ack: async () => undefined, nack: async () => undefined },
    body: toUtf8(JSON.stringify({ ...contract.example, ...change })),
  };
  await consumer.onArrived(deliveryFromQueue(delivery, { contract, route }, "now"), settle);
  expect(hops).toHaveLength(1);
  expect(hops[0]).toMatchObject({ name, to: service, transport: "rabbitmq", atMs: 5 });
  return hops[0]?.note;
}

const failure = {
  ...{ code: "E_FETCH_FAILED", reason: "no answer", retryable: true },
  ...{ attempt: 2, attempts: 3, step: "recognition" },
};

test.each([
  ["nothing for a first attempt", "analysis.recognition.request", { "x-attempt": "1" }, {}, null],
  ["nothing for what has no attempts", "analysis.recognition.request", {}, {}, null],
  [
    "a later attempt",
    "analysis.recognition.request",
    { "x-attempt": "2", "x-attempts": "3" },
    {},
    "attempt 2/3",
  ],
  [
    "a later attempt of nobody knows how many",
    "analysis.recognition.request",
    { "x-attempt": "2" },
    {},
    "attempt 2/?",
  ],
  [
    "why a step failed",
    "recognition.failed",
    {},
    failure,
    "attempt 2/3: E_FETCH_FAILED: no answer",
  ],
])("a hop says %s", async (_, name, headers, change, note) => {
  expect(await noteOf(name, headers, change)).toBe(note);
});

test("a hop says what a comparison found", async () => {
  expect(await noteOf("comparison.completed", {})).toBe(
    findContract("comparison.completed")?.example["verdict"],
  );
});

function timerOf(payload: unknown) {
  const message = sampleMessage({ id: "t1", name: "workflow.timer", kind: "timer", payload });
  return { owner: "svc-a", dueAtMs: 1, message };
}

async function hopsOfTimer(payload: unknown, reaction: Reaction): Promise<readonly Hop[]> {
  const handlers = { "workflow.timer": async () => reaction };
  const consumer = createConsumer(
    { name: "svc-analysis-orchestrator", endpoints: [], handlers, prefetch: 1 },
    ports,
  );
  await consumer.onTimer(timerOf(payload));
  await consumer.onTimer(timerOf(payload)); // again: it took effect only once
  return hops;
}

const delayed: Reaction = { outgoing: [], timers: [{ name: "later", delayMs: 1, payload: {} }] };
const sending: Reaction = {
  outgoing: [{ name: "analysis.started", payload: findContract("analysis.started")?.example }],
};

test.each([
  ["a step's", { step: "recognition", purpose: "timeout", attempt: 2 }, "recognition timeout"],
  ["a step's without a purpose", { step: "recognition", purpose: 7, attempt: 2 }, "recognition"],
])("a timer that changed something is a hop: %s", async (_, payload, name) => {
  expect(await hopsOfTimer(payload, delayed)).toEqual([
    {
      ...{ flowId: "flow-1", name, kind: "timer", transport: "timer" },
      ...{
        from: "svc-analysis-orchestrator",
        to: "svc-analysis-orchestrator",
        atMs: 5,
        messageId: "t1",
        causationId: null,
      },
      note: "attempt 2",
    },
  ]);
});

test("a timer that says nothing is a hop under its own name", async () => {
  expect(await hopsOfTimer({ attempt: "2" }, sending)).toMatchObject([
    { name: "workflow.timer", note: null },
  ]);
});

test("a timer that changed nothing is none", async () => {
  expect(await hopsOfTimer({ step: "recognition", purpose: "timeout" }, nothing)).toEqual([]);
});
