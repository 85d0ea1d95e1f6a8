import { type Definition, readDefinition, versionOf } from "../pipeline/engine/definition.ts";
import type { Flow } from "../pipeline/flows/flow.ts";
import type { JournalEntry } from "../pipeline/ports/journal.ts";
import type { Nature } from "./faults.ts";
import type { Remains } from "./remains.ts";

// A new version is deployed while analyses are in progress: processes that start from then on bring the newer
// definition.

/**
 * The same steps with seconds between their attempts, so that a process often dies, and another one takes over, while
 * the next attempt is far from due.
 */
export function withLongPauses(flow: Flow): Flow {
  const backoff = { type: "fixed", initial_delay: "15s", max_delay: "15s", jitter: 0.5 };
  const steps = flow.definition.steps.map((step) => ({
    ...step,
    retry: { ...step.retry, backoff },
  }));
  return { ...flow, definition: readDefinition({ ...flow.definition, steps }) };
}

/** The flow of a process that starts now. */
export function createUpgrades({ random, scheduler }: Nature, flow: Flow): () => Flow {
  const older: Flow = { ...flow, definition: olderOf(flow.definition) };
  const upgradeAtMs = scheduler.nowMs() + (random() < 0.5 ? random() * 20_000 : 0);
  return () => (scheduler.nowMs() < upgradeAtMs ? older : flow);
}

/** The same steps: the first stays first, the others are reversed. */
function olderOf(definition: Definition): Definition {
  const [first, ...rest] = definition.steps;
  if (first === undefined) return definition;
  const steps = [first, ...rest.toReversed()].map((step, index, all) => {
    const before = all[index - 1]?.id;
    return { ...step, depends_on: before === undefined ? [] : [before] };
  });
  return readDefinition({ ...definition, version: "0.9.0", steps });
}

/** A flow keeps the definition it began with, and issues the commands of that one, in its order. */
export function divertedIn({ flow: { definition }, histories }: Remains): readonly string[] {
  const known = [definition, olderOf(definition)];
  return [...histories].flatMap(([flowId, history]) => {
    const pins = [...new Set(history.flatMap(pinIn))];
    const [pin = ""] = pins;
    if (pins.length > 1) return [`${flowId} began under ${pin} and went on under ${pins[1]}`];
    const own = known.find((each) => pin.startsWith(`${versionOf(each)}#`));
    if (own === undefined) return pin === "" ? [] : [`${flowId} pinned ${pin}, which nobody wrote`];
    const asked = commandsIn(history);
    const planned = own.steps.filter(({ type }) => type === "service_call");
    const isAsPlanned = asked.every((name, index) => planned[index]?.action === name);
    const isDone = !hasCompleted(history) || asked.length === planned.length;
    return isAsPlanned && isDone ? [] : [`${flowId} began under ${pin} and asked for ${asked}`];
  });
}

function pinIn({ flow }: JournalEntry): readonly string[] {
  const { pin } = (flow?.state ?? {}) as { pin?: string | null }; // in the orchestrator's format
  return pin === undefined || pin === null ? [] : [pin];
}

/** Each once, in the order of first sending. */
function commandsIn(history: readonly JournalEntry[]): readonly string[] {
  const sent = history.flatMap(({ outgoing }) => outgoing);
  return [...new Set(sent.filter(({ kind }) => kind === "command").map(({ name }) => name))];
}

function hasCompleted(history: readonly JournalEntry[]): boolean {
  return history.some(({ outgoing }) => outgoing.some(({ name }) => name === "analysis.completed"));
}
