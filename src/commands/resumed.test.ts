import { describe, expect, test } from "vitest";
import { createManualClock } from "../adapters/memory/clock.ts";
import { sampleMessage } from "../adapters/testing/samples.ts";
import { timerName } from "../pipeline/engine/decide.ts";
import type { FlowState } from "../pipeline/engine/state.ts";
import { TuError } from "../pipeline/errors.ts";
import { flowNamed } from "../pipeline/flows/flow.ts";
import type { Message, Timer } from "../pipeline/message.ts";
import { createHearing, createResumedFlows } from "./resumed.ts";

const note = {
  file: "a.jpg",
  objectKey: "images/a.jpg",
  checksum: "7c0e",
  startedAt: "2026-11-29T21:00:00.000Z",
};
const { definition } = flowNamed("full");
const atRecognition: FlowState = {
  status: "running",
  definition: "full",
  flowId: "f",
  input: {},
  steps: { recognition: { status: "running", attempt: 2 } },
};
const ended: FlowState = { status: "completed", definition: "full" };
const unusable = new TuError("E_STATE_UNUSABLE", "torn");

function listening(states: Readonly<Record<string, FlowState | Error>> = {}) {
  const told: string[] = [];
  const flows = createResumedFlows({
    clock: createManualClock(1_000),
    definition,
    hearing: createHearing({ publish: () => undefined }),
    notes: { find: async (flowId) => (flowId === "noted" ? note : null) },
    recorder: { notice: ({ message }) => void told.push(message) },
    async stateOf(flowId) {
      const state = states[flowId] ?? atRecognition;
      if (state instanceof Error) throw state;
      return state;
    },
  });
  const waits = () => flows.all().map(({ flowId, waitsUntilMs }) => [flowId, waitsUntilMs]);
  return { flows, told, waits };
}

const sending = (flowId: string, ...names: string[]) => ({
  flowId,
  messages: names.map((name) => sampleMessage({ id: name, name, flowId })),
  timers: [],
});
const timer = (step: string, dueAtMs: number, attempt = 2): Timer => ({
  message: sampleMessage({
    id: `${step} ${attempt}`,
    kind: "timer",
    name: timerName,
    payload: { step, purpose: "timeout", attempt },
  }),
  dueAtMs,
  owner: "svc-analysis-orchestrator",
});
const waiting = (flowId: string, ...timers: Timer[]) => ({ flowId, messages: [], timers });

describe("flows that are adopted", () => {
  test("are told by name, with the time they wait", async () => {
    const { flows, told, waits } = listening();
    await flows.adopted([
      sending("noted", "recognition.completed"),
      waiting("lost", timer("recognition", 29_000)),
    ]);
    expect(told).toEqual([
      "resuming flow noted (a.jpg), left by an earlier run",
      "resuming flow lost, left by an earlier run; it waits for a timer that is due in 28 s",
    ]);
    expect(flows.all().map((resumed) => resumed.note)).toEqual([note, null]);
    expect(waits()).toEqual([
      ["noted", null],
      ["lost", 29_000],
    ]);
  });

  test("wait for the first timer that still counts, or not if it is due", async () => {
    const { flows, waits } = listening();
    const obsolete = [timer("comparison", 2_000), timer("recognition", 3_000, 1)];
    await flows.adopted([
      waiting("later", ...obsolete, timer("recognition", 9_000), timer("recognition", 8_000)),
      waiting("now", timer("recognition", 1_000), timer("recognition", 8_000)),
      { ...waiting("sent", timer("recognition", 8_000)), messages: sending("sent", "m").messages },
    ]);
    expect(waits()).toEqual([
      ["later", 8_000],
      ["now", null],
      ["sent", null],
    ]);
  });

  test("are told once, and continue when the first of what they left does", async () => {
    const { flows, told, waits } = listening();
    await flows.adopted([waiting("f", timer("recognition", 29_000))]);
    await flows.adopted([waiting("f", timer("recognition", 5_000))]);
    expect(waits()).toEqual([["f", 5_000]]);
    await flows.adopted([sending("f", "image.uploaded")]);
    await flows.adopted([waiting("f", timer("recognition", 7_000))]);
    expect(waits()).toEqual([["f", null]]);
    expect(told).toHaveLength(1);
  });

  test("are not awaited if they had ended, unless their end is sent again", async () => {
    const { flows, told, waits } = listening({ over: ended, unheard: ended });
    await flows.adopted([
      sending("over", "image.analyzed"),
      sending("unheard", "image.analyzed", "analysis.failed"),
    ]);
    expect(waits()).toEqual([["unheard", null]]);
    expect(told[0]).toBe("sending what flow over, ended in an earlier run, still owes");
  });

  test("are all listened to, even if the state of one is unusable", async () => {
    const { flows, waits } = listening({ torn: unusable });
    const adopting = flows.adopted([sending("torn", "m"), sending("whole", "m")]);
    await expect(adopting).rejects.toBe(unusable);
    expect(waits()).toEqual([["whole", null]]);
  });
});

test("the events of a resumed flow are received with its end, and everything is forwarded", async () => {
  const forwarded: Message[] = [];
  const hearing = createHearing({ publish: (message) => void forwarded.push(message) });
  const events = hearing.eventsOf("f");
  const { messages } = sending("f", "recognition.completed", "analysis.completed");
  for (const message of messages) hearing.feed.publish(message);
  hearing.feed.publish(
    sampleMessage({ id: "other", name: "analysis.completed", flowId: "an upload" }),
  );
  expect(await events).toEqual(messages);
  expect(forwarded).toHaveLength(3);
});
