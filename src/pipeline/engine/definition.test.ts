import { expect, test } from "vitest";
import { flowNames } from "../contracts/contract.ts";
import { flowNamed } from "../flows/flow.ts";
import { stepNamed } from "./decide.samples.ts";
import { readDefinition } from "./definition.ts";

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
    "steps that wait for each other",
    [stepNamed("a", { depends_on: ["b"] }), stepNamed("b", { depends_on: ["a"] })],
    /a, b wait for each other/,
  ],
  ["a broken condition", [stepNamed("a", { condition: "input. >" })], /steps\.0\.condition/],
  ["an unknown root", [stepNamed("a", { condition: "nothing.x" })], /nothing called nothing/],
  [
    "a step that no one has",
    [stepNamed("a", { parameters: { x: "${steps.z.output}" } })],
    /steps\.0\.parameters: there is no step z/,
  ],
  ["a bad duration", [stepNamed("a", { timeout: "soon" })], /not a duration/],
  ["an unknown field", [stepNamed("a", { retries: 3 })], /retries/],
])("%s is refused", (_, steps, problem) => {
  expect(() => readDefinition({ ...base, steps })).toThrow(problem);
});

test("every problem is named at once", () => {
  const steps = [stepNamed("a", { depends_on: ["z"], condition: "(" }), stepNamed("a")];
  expect(() => readDefinition({ ...base, steps })).toThrow(/used twice.*no step z.*condition/);
});
