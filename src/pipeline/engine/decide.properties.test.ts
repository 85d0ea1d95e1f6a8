import fc from "fast-check";
import { expect, test } from "vitest";
import type { Message } from "../message.ts";
import { failedReply, message, requested, stepNamed, timer } from "./decide.samples.ts";
import { decide, type Effect } from "./decide.ts";
import { type Definition, readDefinition } from "./definition.ts";
import { type FlowState, hasEnded, initialState } from "./state.ts";

// Random workflows in a world with an uncontrolled order of arrival: replies overtake triggers and commands, arrive
// twice or never, and timers fire at any time.

const attemptsMax = 2; // of every step in the samples
type Fate = "success" | "second time" | "fails" | "permanent" | "silent";
type Plan = {
  readonly definition: Definition;
  readonly fates: Readonly<Record<string, Fate>>;
  readonly seed: number;
};

const anyStep = fc.record({
  isWait: fc.boolean(),
  isOptional: fc.boolean(),
  fate: fc.constantFrom<Fate>("success", "second time", "fails", "permanent", "silent"),
  before: fc.array(fc.nat({ max: 11 }), { maxLength: 3 }),
  threshold: fc.option(fc.integer({ min: 0, max: 2 }), { nil: undefined }),
});
type AnyStep = typeof anyStep extends fc.Arbitrary<infer T> ? T : never;

/** A step depends only on earlier ones, and its condition refers to one of those. */
function stepOf({ before, isOptional, isWait, threshold }: AnyStep, index: number) {
  const depends = index === 0 ? [] : [...new Set(before.map((one) => `s${one % index}`))];
  const [first] = depends;
  const condition = `steps.${first}.output.value > ${threshold}`;
  return stepNamed(`s${index}`, {
    type: isWait ? "wait_event" : "service_call",
    depends_on: depends,
    on_failure: { action: isOptional ? "continue" : "fail_workflow" },
    ...(threshold === undefined || first === undefined ? {} : { condition }),
  });
}

const planOf = (steps: readonly AnyStep[], seed: number): Plan => ({
  definition: readDefinition({
    id: "random",
    version: "1",
    trigger: { event: "run.requested" },
    steps: steps.map(stepOf),
    events: {
      started: { name: "run.started", payload: {} },
      completed: {
        name: "run.completed",
        payload: Object.fromEntries(
          steps.map((_, index) => [`s${index}`, `\${steps.s${index}.output.value}`]),
        ),
      },
      failed: { name: "run.failed", payload: { step: "${error.step}" } },
    },
  }),
  fates: Object.fromEntries(steps.map(({ fate }, index) => [`s${index}`, fate])),
  seed,
});
const anySteps = fc.array(anyStep, { minLength: 1, maxLength: 12 });
const anyPlan = fc.tuple(anySteps, fc.nat()).map(([steps, seed]) => planOf(steps, seed));
/** Failing steps are optional, and replies arrive: the result is the same in every order. */
const answeredPlan = fc.tuple(anySteps, fc.nat()).map(([steps, seed]) =>
  planOf(
    steps.map((step) => ({
      ...step,
      isOptional: true,
      fate: step.fate === "silent" ? ("success" as const) : step.fate,
    })),
    seed,
  ),
);

/** The reply of a step's service to one attempt. */
function replyTo(step: string, fate: Fate, attempt: number): readonly Message[] {
  const id = `${step} answers ${attempt}`;
  if (fate === "silent") return [];
  if (fate === "success" || (fate === "second time" && attempt > 1))
    return [
      message(`${step}.completed`, id, { value: step.length + (fate === "success" ? 0 : 1) }),
    ];
  return [failedReply(step, id, attempt, fate !== "permanent")];
}

/** Everything a step's service will ever reply, commanded or not. */
function allReplies(step: string, fate: Fate): readonly Message[] {
  const last = fate === "success" || fate === "permanent" ? 1 : attemptsMax;
  return Array.from({ length: last }, (_, index) => replyTo(step, fate, index + 1)).flat();
}

function arrivalsOf(effect: Effect, { fates }: Plan): readonly Message[] {
  if (effect.type === "event") return [];
  if (effect.type === "timer") {
    const { attempt, purpose, step } = effect.timer;
    return [timer(`${step} ${purpose} ${attempt}`, step, purpose, attempt)];
  }
  const step = effect.name.replace(".request", "");
  return replyTo(step, fates[step] ?? "silent", effect.attempt);
}

const deepFreeze = <T>(value: T): T => {
  if (typeof value === "object" && value !== null) {
    Object.values(value).forEach(deepFreeze);
    Object.freeze(value);
  }
  return value;
};

/** Pseudo-random numbers in [0, 1) from a seed (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Delivers in random order, some messages twice, until none is in flight; returns all events. */
function run(plan: Plan, first: readonly Message[], isDelivered: (next: Message) => boolean) {
  const random = randomOf(plan.seed);
  const underWay = [...first];
  const events: Extract<Effect, { type: "event" }>[] = [];
  let state: FlowState = initialState;
  while (underWay.length > 0) {
    const index = Math.floor(random() * underWay.length);
    const [next] = random() < 0.2 ? underWay.slice(index, index + 1) : underWay.splice(index, 1);
    if (next === undefined || !isDelivered(next)) continue;
    const { outgoing, state: after } = decide(plan.definition, deepFreeze(state), deepFreeze(next));
    expect(decide(plan.definition, after, next)).toEqual({ state: after, outgoing: [] });
    events.push(...outgoing.filter((effect) => effect.type === "event"));
    underWay.push(...outgoing.flatMap((effect) => arrivalsOf(effect, plan)));
    state = after;
  }
  return { state, events };
}

const waits = ({ definition, fates }: Plan) =>
  definition.steps
    .filter(({ type }) => type === "wait_event")
    .flatMap(({ id }) => allReplies(id, fates[id] ?? "silent"));
const everyReply = ({ definition, fates }: Plan) =>
  definition.steps.flatMap(({ id }) => allReplies(id, fates[id] ?? "silent"));

test("a workflow that gets its replies or its timers ends exactly once", () => {
  fc.assert(
    fc.property(anyPlan, (plan) => {
      const { events, state } = run(plan, [requested(), ...waits(plan)], () => true);
      expect(hasEnded(state)).toBe(true);
      expect(events.map(({ name }) => name)).toEqual([
        "run.started",
        state.status === "completed" ? "run.completed" : "run.failed",
      ]);
    }),
    { numRuns: 500 },
  );
});

test("and so does one whose replies arrive before their commands", () => {
  fc.assert(
    fc.property(anyPlan, (plan) => {
      const { events, state } = run(plan, [requested(), ...everyReply(plan)], () => true);
      expect(hasEnded(state)).toBe(true);
      expect(events.length).toBe(2);
    }),
    { numRuns: 500 },
  );
});

/** Suppresses timeouts: only replies count. */
const isNoTimeout = ({ payload }: Message) =>
  !(typeof payload === "object" && payload !== null && "purpose" in payload) ||
  payload.purpose !== "timeout";

test("the result does not depend on the order of replies, nor of commands", () => {
  fc.assert(
    fc.property(answeredPlan, fc.nat(), (plan, seed) => {
      const asked = run(plan, [requested(), ...waits(plan)], isNoTimeout);
      const unasked = run({ ...plan, seed }, [requested(), ...everyReply(plan)], isNoTimeout);
      expect(asked.state.status).toBe("completed");
      expect(unasked.events.at(-1)?.payload).toEqual(asked.events.at(-1)?.payload);
      expect(unasked.state).toEqual(asked.state);
    }),
    { numRuns: 500 },
  );
});
