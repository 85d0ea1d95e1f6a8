import type { Service, StatefulReaction } from "../delivery/service.ts";
import { decide, type Effect, timerName } from "../engine/decide.ts";
import type { Definition } from "../engine/definition.ts";
import { type FlowState, hasEnded, initialState } from "../engine/state.ts";

const name = "svc-analysis-orchestrator";

/**
 * The orchestrator is the engine and a definition: it translates effects into messages and timers
 * and knows nothing else. `definitionOf` finds the one that a running instance pins.
 */
export function createOrchestrator(options: {
  readonly definition: Definition;
  readonly definitionOf: (version: string) => Definition | undefined;
}): Service {
  return {
    name,
    endpoints: [],
    handlers: {},
    stateful: (recorded, message) => {
      // Recorded by this very handler; undefined for a flow that has no history.
      const state = (recorded as FlowState | undefined) ?? initialState;
      const definition =
        state.status === "idle" ? options.definition : options.definitionOf(state.definition);
      if (definition === undefined) return "no change"; // ended: nobody may start it again
      const decision = decide(definition, state, message);
      return decision.state === state ? "no change" : toReaction(decision.state, decision.outgoing);
    },
    prefetch: 16,
  };
}

function toReaction(state: FlowState, effects: readonly Effect[]): StatefulReaction {
  return {
    state,
    ended: hasEnded(state),
    outgoing: effects.flatMap((effect) => (effect.type === "timer" ? [] : [draftOf(effect)])),
    timers: effects.flatMap((effect) =>
      effect.type === "timer"
        ? [{ name: timerName, payload: effect.timer, delayMs: effect.delayMs }]
        : [],
    ),
  };
}

function draftOf(effect: Exclude<Effect, { type: "timer" }>) {
  const { name: messageName, payload } = effect;
  if (effect.type === "event") return { name: messageName, payload };
  const headers = {
    "x-attempt": String(effect.attempt),
    "x-attempts": String(effect.attempts),
  };
  return { name: messageName, payload, headers };
}
