import fc from "fast-check";
import { expect, test } from "vitest";
import type { Message } from "../message.ts";
import {
  definitionOf,
  failedReply,
  message,
  requested,
  stepNamed,
  timer,
} from "./decide.samples.ts";
import { decide } from "./decide.ts";
import { type Definition, readDefinition } from "./definition.ts";
import { type FlowState, hasEnded, initialState } from "./state.ts";

function given(definition: Definition, ...history: readonly Message[]) {
  const state = history.reduce(
    (current, past) => decide(definition, current, past).state,
    initialState,
  );
  return { state, when: (next: Message) => decide(definition, state, next) };
}
const asked = (decision: ReturnType<typeof decide>) =>
  decision.outgoing.map((effect) => {
    if (effect.type === "timer") {
      return `timer ${effect.timer.step} ${effect.timer.purpose} ${effect.delayMs}`;
    }
    return effect.type === "command"
      ? `${effect.name} ${effect.attempt}/${effect.attempts}`
      : effect.name;
  });

const two = definitionOf(stepNamed("a"), stepNamed("b", { depends_on: ["a"] }));
const done = (step: string, id: string, value = 1) => message(`${step}.completed`, id, { value });

test("the trigger announces the start and sends the first command", () => {
  expect(asked(given(two).when(requested()))).toEqual([
    "run.started",
    "a.request 1/2",
    "timer a timeout 10000",
  ]);
});
test("a success begins what waited for it", () => {
  expect(asked(given(two, requested()).when(done("a", "m1")))).toEqual([
    "b.request 1/2",
    "timer b timeout 10000",
  ]);
});
test("the last success ends the run with its results", () => {
  const { outgoing, state } = given(two, requested(), done("a", "m1", 7)).when(done("b", "m2"));
  expect(state).toEqual({ status: "completed", definition: "sample@1" });
  expect(outgoing).toEqual([{ type: "event", name: "run.completed", payload: { a: 7 } }]);
});
test("steps without an unmet dependency run in parallel, and a join waits for all of them", () => {
  const diamond = definitionOf(
    stepNamed("a"),
    stepNamed("b"),
    stepNamed("c", { depends_on: ["a", "b"] }),
  );
  const start = given(diamond).when(requested());
  expect(asked(start).filter((text) => text.includes("request"))).toEqual([
    "a.request 1/2",
    "b.request 1/2",
  ]);
  expect(asked(given(diamond, requested()).when(done("b", "m1")))).toEqual([]);
  expect(asked(given(diamond, requested(), done("b", "m1")).when(done("a", "m2")))).toContain(
    "c.request 1/2",
  );
});
test("a false condition skips the step, and its dependents continue", () => {
  const skipping = definitionOf(
    stepNamed("a", { condition: "input.subject == 'other'" }),
    stepNamed("b", { depends_on: ["a"] }),
  );
  const decision = given(skipping).when(requested());
  expect(asked(decision)).toContain("b.request 1/2");
  expect(decision.state).toMatchObject({ steps: { a: { status: "skipped" } } });
});
test("a retryable failure waits and tries again", () => {
  const failed = given(two, requested()).when(failedReply("a", "m1", 1));
  expect(asked(failed)).toEqual(["timer a retry 1000"]);
  const again = given(two, requested(), failedReply("a", "m1", 1)).when(
    timer("t", "a", "retry", 1),
  );
  expect(asked(again)).toEqual(["a.request 2/2", "timer a timeout 10000"]);
});
test("the last attempt's failure fails the run and says where", () => {
  const history = [requested(), failedReply("a", "m1", 1), timer("t", "a", "retry", 1)];
  const { outgoing, state } = given(two, ...history).when(failedReply("a", "m2", 2));
  expect(state).toMatchObject({ status: "failed", failure: { step: "a", attempt: 2 } });
  expect(outgoing).toMatchObject([{ name: "run.failed", payload: { step: "a", code: "E_TEST" } }]);
});
test("a permanent failure is not tried again", () => {
  const { state } = given(two, requested()).when(failedReply("a", "m1", 1, false));
  expect(state.status).toBe("failed");
});
test("silence is a failure once the timeout fires, and only for the attempt that runs", () => {
  expect(asked(given(two, requested()).when(timer("t", "a", "timeout", 1)))).toEqual([
    "timer a retry 1000",
  ]);
  const second = [requested(), failedReply("a", "m1", 1), timer("t", "a", "retry", 1)];
  const { state } = given(two, ...second);
  expect(decide(two, state, timer("late", "a", "timeout", 1)).state).toBe(state);
});
test("a late success of an earlier attempt counts, a late failure does not", () => {
  const second = [requested(), failedReply("a", "m1", 1), timer("t", "a", "retry", 1)];
  expect(asked(given(two, ...second).when(done("a", "m2")))).toContain("b.request 1/2");
  const { state } = given(two, ...second);
  expect(decide(two, state, failedReply("a", "m3", 1)).state).toBe(state);
});
test("on_failure continue records the failure and continues without a result", () => {
  const tolerant = definitionOf(
    stepNamed("a", { on_failure: { action: "continue" } }),
    stepNamed("b", { depends_on: ["a"] }),
  );
  const decision = given(tolerant, requested()).when(failedReply("a", "m1", 1, false));
  expect(asked(decision)).toContain("b.request 1/2");
  expect(decision.state).toMatchObject({ steps: { a: { status: "failed" } } });
});
test("replies that overtake the trigger are not lost", () => {
  const decision = given(two, done("a", "m1"), done("b", "m2")).when(requested());
  // A result that is already known is not requested.
  expect(asked(decision)).toEqual(["run.started", "run.completed"]);
});
test("a success that overtakes its step takes the place of the command", () => {
  const early = given(two, requested()).when(done("b", "m1", 5));
  expect(asked(early)).toEqual([]);
  const ended = given(two, requested(), done("b", "m1"), done("b", "m2")).when(done("a", "m3"));
  expect(asked(ended)).toEqual(["run.completed"]);
});
test("a failure that overtakes its step counts for the attempt that it names", () => {
  const first = given(two, requested(), failedReply("b", "m1", 1)).when(done("a", "m2"));
  expect(asked(first)).toEqual(["timer b retry 1000"]);
  const second = [requested(), failedReply("b", "m1", 2), done("a", "m2")];
  expect(given(two, ...second).state).toMatchObject({ steps: { b: { status: "running" } } });
  const retried = given(two, ...second, failedReply("b", "m3", 1));
  expect(retried.when(timer("t", "b", "retry", 1)).state).toMatchObject({
    status: "failed",
    failure: { step: "b", attempt: 2 },
  });
});
test("a failure that overtakes its wait ends it, before and after the trigger", () => {
  const late = definitionOf(
    stepNamed("a"),
    stepNamed("b", { type: "wait_event", depends_on: ["a"] }),
  );
  const last = failedReply("b", "m1", 1, false);
  expect(given(late, requested(), last).when(done("a", "m2")).state.status).toBe("failed");
  expect(given(waiting, failedReply("a", "m1", 1, false)).when(requested()).state.status).toBe(
    "failed",
  );
  const first = given(late, requested(), failedReply("b", "m1", 1)).when(done("a", "m2"));
  expect(first.state).toMatchObject({ steps: { b: { status: "running", attempt: 2 } } });
  expect(asked(first)).toEqual(["timer b timeout 10000"]);
});
test("of several failures that overtook a wait the first that ends it counts, or else the latest", () => {
  const late = definitionOf(
    stepNamed("a"),
    stepNamed("b", { type: "wait_event", depends_on: ["a"] }),
  );
  const failed = (id: string, attempt: number, retryable = true) =>
    message("b.failed", id, { code: "E_TEST", reason: id, retryable, attempt, attempts: 3 });
  const after = (...early: readonly Message[]) =>
    given(late, requested(), ...early).when(done("a", "m9")).state;
  expect(after(failed("m1", 2), failed("m2", 1))).toMatchObject({
    steps: { b: { status: "running", attempt: 3 } },
  });
  for (const early of [
    [failed("m1", 2), failed("m2", 1, false)],
    [failed("m2", 1, false), failed("m1", 2)],
  ])
    expect(after(...early)).toMatchObject({
      status: "failed",
      failure: { attempt: 1, reason: "m2" },
    });
  expect(after(failed("m1", 3), failed("m2", 1))).toMatchObject({
    ...{ status: "failed", failure: { attempt: 3, attempts: 3 } },
  });
});
test("a failure that says little, and silence, are told in words of our own", () => {
  const failure = ({ state }: ReturnType<typeof decide>) =>
    state.status === "failed" ? state.failure : state.status;
  expect(failure(given(two, requested()).when(message("a.failed", "m1", null)))).toEqual({
    ...{ step: "a", code: "E_UNKNOWN", reason: "no reason given" },
    ...{ retryable: false, attempt: 1, attempts: 2 },
  });
  const once = [requested(), timer("t1", "a", "timeout", 1), timer("t2", "a", "retry", 1)];
  expect(failure(given(two, ...once).when(timer("t3", "a", "timeout", 2)))).toEqual({
    ...{ step: "a", code: "E_STEP_TIMEOUT", reason: "service-a did not answer within 10s" },
    ...{ retryable: true, attempt: 2, attempts: 2 },
  });
});
test("a timer of another attempt, or of a step that does not wait for it, changes nothing", () => {
  const backingOff = [requested(), failedReply("a", "m1", 1)];
  for (const [history, late] of [
    [[requested()], timer("t", "a", "retry", 1)],
    [backingOff, timer("t", "a", "retry", 2)],
    [backingOff, timer("t", "a", "timeout", 1)],
    [backingOff, timer("t", "nowhere", "retry", 1)],
    [backingOff, message("workflow.timer", "t", { step: "a" })],
  ] as const) {
    const { state, when } = given(two, ...history);
    expect(when(late)).toEqual({ state, outgoing: [] });
  }
});
test("an expression reaches variables, the run and its definition", () => {
  const asking = readDefinition({
    ...two,
    variables: { most: { default: 5 } },
    steps: [
      stepNamed("a", {
        condition:
          "variables.most == 5 && workflow.id == 'f1' && workflow.definition == 'sample@1'",
      }),
    ],
  });
  expect(asked(given(asking).when(requested()))).toContain("a.request 1/2");
});
test("what came early for a skipped step is forgotten", () => {
  const skipping = definitionOf(
    stepNamed("a"),
    stepNamed("b", { depends_on: ["a"], condition: "steps.a.output.value > 5" }),
    stepNamed("c"),
  );
  const { state } = given(skipping, requested(), done("b", "m1"), done("a", "m2"));
  expect(state).toMatchObject({ steps: { b: { status: "skipped" } } });
  expect(state).not.toHaveProperty("early");
});

const waiting = definitionOf(stepNamed("a", { type: "wait_event" }));
test("a waiting step sends no command and ends with the event", () => {
  expect(asked(given(waiting).when(requested()))).toEqual(["run.started", "timer a timeout 10000"]);
  expect(given(waiting, requested()).when(done("a", "m1")).state.status).toBe("completed");
});
test("a waiting step leaves retries to the service and ends with its last word", () => {
  const first = given(waiting, requested()).when(failedReply("a", "m1", 1));
  expect(first.state).toMatchObject({ steps: { a: { status: "running", attempt: 2 } } });
  const last = given(waiting, requested(), failedReply("a", "m1", 1)).when(
    failedReply("a", "m2", 2),
  );
  expect(last.state.status).toBe("failed");
});

test("a step may have the name of something every object has", () => {
  const odd = definitionOf(
    stepNamed("constructor"),
    stepNamed("a", { depends_on: ["constructor"] }),
  );
  expect(asked(given(odd).when(requested()))).toContain("constructor.request 1/2");
  expect(asked(given(odd, requested()).when(done("constructor", "m1")))).toContain("a.request 1/2");
});

// ── properties ──────────────────────────────────────────────────────────────────────────────────

const definitions: readonly Definition[] = [
  two,
  waiting,
  definitionOf(
    stepNamed("a"),
    stepNamed("b", { condition: "steps.a.output.value > 0 || input.subject == null" }),
    stepNamed("c", { depends_on: ["a", "b"], on_failure: { action: "continue" } }),
  ),
];
const stepId = fc.constantFrom("a", "b", "c");
const anyMessage: fc.Arbitrary<Message> = fc.oneof(
  fc.uuid().map((id) => requested(id)),
  fc
    .tuple(fc.uuid(), stepId, fc.jsonValue())
    .map(([id, step, payload]) => message(`${step}.completed`, id, payload)),
  fc
    .tuple(fc.uuid(), stepId, fc.integer({ min: 1, max: 3 }), fc.boolean())
    .map(([id, step, attempt, retryable]) => failedReply(step, id, attempt, retryable)),
  fc
    .tuple(fc.uuid(), stepId, fc.jsonValue())
    .map(([id, step, payload]) => message(`${step}.failed`, id, payload)),
  fc
    .tuple(
      fc.uuid(),
      stepId,
      fc.constantFrom("timeout" as const, "retry" as const),
      fc.integer({ min: 1, max: 3 }),
    )
    .map(([id, step, purpose, attempt]) => timer(id, step, purpose, attempt)),
  fc
    .tuple(fc.uuid(), fc.string(), fc.jsonValue())
    .map(([id, name, payload]) => message(name, id, payload)),
);
const anyHistory = fc.array(anyMessage, { maxLength: 20 });
const anyDefinition = fc.constantFrom(...definitions);

const deepFreeze = <T>(value: T): T => {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
};

test("never throws, never mutates, always the same answer", () => {
  fc.assert(
    fc.property(anyDefinition, anyHistory, anyMessage, (definition, history, next) => {
      const { state } = given(definition, ...deepFreeze(history));
      const first = decide(definition, deepFreeze(state), deepFreeze(next));
      expect(decide(definition, structuredClone(state), structuredClone(next))).toEqual(first);
    }),
    { numRuns: 1000 },
  );
});
test("a finished run absorbs everything", () => {
  fc.assert(
    fc.property(anyDefinition, anyHistory, anyMessage, (definition, history, next) => {
      const { state } = given(definition, ...history);
      fc.pre(hasEnded(state));
      expect(decide(definition, state, next)).toEqual({ state, outgoing: [] });
    }),
  );
});
test("at most one end, whatever arrives and however often", () => {
  fc.assert(
    fc.property(anyDefinition, anyHistory, (definition, history) => {
      const ends: string[] = [];
      let state: FlowState = initialState;
      for (const next of [...history, ...history]) {
        const decision = decide(definition, state, next);
        ends.push(
          ...decision.outgoing.flatMap((effect) =>
            effect.type === "event" && effect.name !== "run.started" ? [effect.name] : [],
          ),
        );
        state = decision.state;
      }
      expect(ends.length).toBe(hasEnded(state) ? 1 : 0);
    }),
  );
});
test("a run that gets its answers always ends, in whatever order they come", () => {
  fc.assert(
    fc.property(
      anyDefinition,
      fc.shuffledSubarray(["a", "b", "c"], { minLength: 3, maxLength: 3 }),
      (definition, order) => {
        let state = decide(definition, initialState, requested()).state;
        for (let round = 0; round < 3; round += 1) {
          for (const step of order) {
            state = decide(definition, state, done(step, `${step}${round}`)).state;
          }
        }
        expect(state.status).toBe("completed");
      },
    ),
  );
});
