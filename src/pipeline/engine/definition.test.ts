import { expect, test } from "vitest";
import { flowNames } from "../contracts/contract.ts";
import { flowNamed } from "../flows/flow.ts";
import { stepNamed } from "./decide.samples.ts";
import { readDefinition, Step, versionOf } from "./definition.ts";

const base = {
  id: "x",
  version: "1",
  trigger: { event: "go" },
  events: {
    started: { name: "s", payload: {} },
    completed: { name: "c", payload: {} },
    failed: { name: "f", payload: {} },
  },
};

test.each(flowNames)("flow %s is a valid definition", (name) => {
  expect(flowNamed(name).definition.steps.length).toBeGreaterThan(0);
});

test.each([
  ["two steps with one id", [stepNamed("a"), stepNamed("a")], /the id a is used twice/],
  ["an unknown dependency", [stepNamed("a", { depends_on: ["z"] })], /there is no step z/],
  [
    "steps that depend on each other",
    [stepNamed("a", { depends_on: ["b"] }), stepNamed("b", { depends_on: ["a"] })],
    /dependency cycle among a, b/,
  ],
  ["a broken condition", [stepNamed("a", { condition: "input. >" })], /steps\.0\.condition/],
  ["an unknown root", [stepNamed("a", { condition: "nothing.x" })], /unknown name nothing/],
  [
    "a step that no one has",
    [stepNamed("a", { parameters: { x: "${steps.z.output}" } })],
    /steps\.0\.parameters: there is no step z/,
  ],
  [
    "a step that waits for itself",
    [stepNamed("a", { depends_on: ["a"] })],
    /^the definition is not valid: steps: dependency cycle among a$/,
  ],
  [
    "a reply that would answer two steps",
    [stepNamed("a"), stepNamed("b", { reply: { completed: "a.completed", failed: "b.failed" } })],
    /^the definition is not valid: steps: a\.completed would answer two steps$/,
  ],
  [
    "one step whose two replies are one",
    [stepNamed("a", { reply: { completed: "x", failed: "x" } })],
    /x would answer two steps/,
  ],
  [
    "three that wait in a ring, behind one that does not",
    [
      stepNamed("first"),
      stepNamed("a", { depends_on: ["c", "first"] }),
      stepNamed("b", { depends_on: ["a"] }),
      stepNamed("c", { depends_on: ["b"] }),
    ],
    /^the definition is not valid: steps: dependency cycle among a, b, c$/,
  ],
  ["no step at all", [], /steps/],
  ["an id that is no name", [stepNamed("1a")], /steps\.0\.id: letters, digits, _ and -/],
  ["an id with a space behind", [stepNamed("a ")], /steps\.0\.id/],
  ["an empty service", [stepNamed("a", { service: "" })], /steps\.0\.service/],
  ["an empty action", [stepNamed("a", { action: "" })], /steps\.0\.action/],
  ["no attempt", [stepNamed("a", { retry: { max_attempts: 0 } })], /steps\.0\.retry\.max_attempts/],
  ["too many attempts", [stepNamed("a", { retry: { max_attempts: 101 } })], /max_attempts/],
  ["jitter over 1", [stepNamed("a", { retry: { backoff: { jitter: 1.1 } } })], /backoff\.jitter/],
  ["jitter below 0", [stepNamed("a", { retry: { backoff: { jitter: -0.1 } } })], /backoff\.jitter/],
  ["another type", [stepNamed("a", { type: "script" })], /steps\.0\.type/],
  ["another end", [stepNamed("a", { on_failure: { action: "ignore" } })], /on_failure\.action/],
  ["a bad duration", [stepNamed("a", { timeout: "soon" })], /must be a duration/],
  ["an unknown field", [stepNamed("a", { retries: 3 })], /retries/],
])("%s is refused", (_, steps, problem) => {
  expect(() => readDefinition({ ...base, steps })).toThrow(problem);
});

test("what a step does not say has a value", () => {
  const { depends_on, on_failure, parameters, retry, timeout, type } = Step.parse({
    ...{ id: "a-B_1", service: "s", action: "do", reply: { completed: "c", failed: "f" } },
  });
  expect({ depends_on, on_failure, parameters, retry, timeout, type }).toEqual({
    depends_on: [],
    on_failure: { action: "fail_workflow" },
    parameters: {},
    retry: {
      max_attempts: 3,
      backoff: { type: "exponential", initial_delay: "1s", max_delay: "5m", jitter: 0 },
    },
    timeout: "5m",
    type: "service_call",
  });
});

test("steps in a chain, and all that an expression may read, are valid", () => {
  const steps = [
    stepNamed("c", { depends_on: ["b"], condition: "variables.v && steps.a.output.x" }),
    stepNamed("b", { depends_on: ["a"], parameters: { x: "${workflow.id} ${input.y} ${steps}" } }),
    stepNamed("a", { retry: { max_attempts: 100, backoff: { jitter: 1 } } }),
  ];
  const failed = { name: "f", payload: { why: "${error.reason}" } };
  const definition = readDefinition({
    ...{ ...base, steps, variables: { v: { default: 1 } } },
    events: { ...base.events, failed },
  });
  expect(definition.steps.map(({ id }) => id)).toEqual(["c", "b", "a"]);
  expect(versionOf(definition)).toBe("x@1");
});

test("an event's payload is read like a step's parameters", () => {
  const completed = { name: "c", payload: { x: "${steps.z.output}", y: "${nowhere.x}" } };
  const source = { ...base, steps: [stepNamed("a")], events: { ...base.events, completed } };
  expect(() => readDefinition(source)).toThrow(
    expect.objectContaining({
      code: "E_DEFINITION_INVALID",
      message:
        "the definition is not valid: events.completed.payload: there is no step z; events.completed.payload: unknown name nowhere",
      hint: "fix every listed problem; the paths point into the JSON",
    }),
  );
});

test("every problem is named at once", () => {
  const steps = [stepNamed("a", { depends_on: ["z"], condition: "(" }), stepNamed("a")];
  expect(() => readDefinition({ ...base, steps })).toThrow(/used twice.*no step z.*condition/);
});
