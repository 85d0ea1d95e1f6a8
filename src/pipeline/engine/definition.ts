import * as z from "zod";
import { TuError } from "../errors.ts";
import { parseDuration } from "../time.ts";
import { type Expression, parseExpression, pathsOf } from "./expression.ts";
import { expressionsIn } from "./template.ts";

const Duration = z
  .string()
  .refine(
    (text) => parseDuration(text) !== undefined,
    "must be a duration such as 200ms, 30s, 10m or 2h",
  );

export const Retry = z.strictObject({
  /** Including the first. */
  max_attempts: z.int().min(1).max(100).default(3),
  backoff: z
    .strictObject({
      type: z.enum(["exponential", "fixed"]).default("exponential"),
      initial_delay: Duration.default("1s"),
      max_delay: Duration.default("5m"),
      jitter: z.number().min(0).max(1).default(0),
    })
    .prefault({}),
});
export type Retry = z.infer<typeof Retry>;

const Emission = z.strictObject({
  name: z.string().min(1),
  payload: z.record(z.string(), z.unknown()),
});
const stepId = z.string().regex(/^[a-z][a-z0-9_-]*$/i, "letters, digits, _ and -");

export const Step = z.strictObject({
  id: stepId,
  /** `service_call` sends the command `action` to `service`; `wait_event` only waits for the reply. */
  type: z.enum(["service_call", "wait_event"]).default("service_call"),
  service: z.string().min(1),
  action: z.string().min(1),
  /** The reply events. A failed one carries `code`, `reason`, `retryable`, `attempt`, `attempts`. */
  reply: z.strictObject({ completed: z.string().min(1), failed: z.string().min(1) }),
  depends_on: z.array(stepId).default([]),
  condition: z.string().optional(),
  parameters: z.record(z.string(), z.unknown()).default({}),
  timeout: Duration.default("5m"),
  retry: Retry.prefault({}),
  on_failure: z
    .strictObject({ action: z.enum(["fail_workflow", "continue"]).default("fail_workflow") })
    .prefault({}),
});
export type Step = z.infer<typeof Step>;

/** A workflow: JSON, validated once by `readDefinition`. Instances pin `id` and `version`. */
export const Definition = z.strictObject({
  id: z.string().min(1),
  version: z.string().min(1),
  description: z.string().optional(),
  trigger: z.strictObject({ event: z.string().min(1) }),
  variables: z.record(z.string(), z.strictObject({ default: z.unknown() })).default({}),
  steps: z.array(Step).min(1),
  events: z.strictObject({ started: Emission, completed: Emission, failed: Emission }),
});
export type Definition = z.infer<typeof Definition>;

export function versionOf(definition: Definition): string {
  return `${definition.id}@${definition.version}`;
}

/** Throws E_DEFINITION_INVALID, listing every problem at once. */
export function readDefinition(source: unknown): Definition {
  const shape = Definition.safeParse(source);
  const problems = shape.success
    ? problemsOf(shape.data)
    : shape.error.issues.map((issue) => `${issue.path.map(String).join(".")}: ${issue.message}`);
  if (shape.success && problems.length === 0) return shape.data;
  throw new TuError("E_DEFINITION_INVALID", `the definition is not valid: ${problems.join("; ")}`, {
    hint: "fix every listed problem; the paths point into the JSON",
  });
}

function problemsOf(definition: Definition): readonly string[] {
  return [duplicateIds, unknownDependencies, cycles, brokenExpressions, replyTwice].flatMap(
    (rule) => rule(definition),
  );
}

function duplicateIds({ steps }: Definition): readonly string[] {
  const ids = steps.map(({ id }) => id);
  return [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))].map(
    (id) => `steps: the id ${id} is used twice`,
  );
}

function unknownDependencies({ steps }: Definition): readonly string[] {
  const known = new Set(steps.map(({ id }) => id));
  return steps.flatMap((step, index) =>
    step.depends_on
      .filter((id) => !known.has(id))
      .map((id) => `steps.${index}.depends_on: there is no step ${id}`),
  );
}

function cycles({ steps }: Definition): readonly string[] {
  let open = steps;
  for (;;) {
    const stillOpen = open.filter((step) =>
      step.depends_on.some((id) => open.some((other) => other.id === id)),
    );
    if (stillOpen.length === 0) return [];
    if (stillOpen.length === open.length) {
      return [`steps: dependency cycle among ${open.map(({ id }) => id).join(", ")}`];
    }
    open = stillOpen;
  }
}

/** Each event answers one step: otherwise it would be ambiguous which step it ends. */
function replyTwice({ steps }: Definition): readonly string[] {
  const replies = steps.flatMap(({ reply }) => [reply.completed, reply.failed]);
  return [...new Set(replies.filter((name, index) => replies.indexOf(name) !== index))].map(
    (name) => `steps: ${name} would answer two steps`,
  );
}

const roots = ["input", "variables", "steps", "workflow", "error"];

function brokenExpressions(definition: Definition): readonly string[] {
  const known = new Set(definition.steps.map(({ id }) => id));
  const places: readonly (readonly [string, () => readonly Expression[]])[] = [
    ...definition.steps.flatMap((step, index) => [
      [
        `steps.${index}.condition`,
        () => (step.condition === undefined ? [] : [parseExpression(step.condition)]),
      ] as const,
      [`steps.${index}.parameters`, () => expressionsIn(step.parameters)] as const,
    ]),
    ...Object.entries(definition.events).map(
      ([name, emission]) =>
        [`events.${name}.payload`, () => expressionsIn(emission.payload)] as const,
    ),
  ];
  return places.flatMap(([place, read]) => problemsAt(place, read, known));
}

function problemsAt(
  place: string,
  read: () => readonly Expression[],
  steps: ReadonlySet<string>,
): readonly string[] {
  try {
    return read()
      .flatMap(pathsOf)
      .flatMap(({ root, first }) => {
        if (!roots.includes(root)) return [`${place}: unknown name ${root}`];
        const unknown = root === "steps" && first !== undefined && !steps.has(first);
        return unknown ? [`${place}: there is no step ${first}`] : [];
      });
  } catch (error) {
    if (error instanceof TuError) return [`${place}: ${error.message}`];
    throw error;
  }
}
