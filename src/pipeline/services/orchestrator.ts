import * as z from "zod";
import { headerNames } from "../delivery/headers.ts";
import { describeIssues } from "../delivery/issues.ts";
import type { Service, StatefulReaction } from "../delivery/service.ts";
import { decide, type Effect, TimerPayload, timerName } from "../engine/decide.ts";
import { type Definition, readDefinition, type Step, versionOf } from "../engine/definition.ts";
import { FlowState, hasEnded, initialState } from "../engine/state.ts";
import { TuError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Definitions } from "../ports/definitions.ts";
import type { Digest } from "../ports/digest.ts";
import type { FlowRecord } from "../ports/journal.ts";
import { withoutUnverifiedClaim } from "../steps/claim.ts";

export const orchestratorName = "svc-analysis-orchestrator";

export type OrchestratorPorts = {
  /** The definition that new instances follow. */
  readonly definition: Definition;
  readonly definitions: Definitions;
  readonly digest: Digest;
  /** See `FlowLinks`. */
  readonly isInDoubt: (flowId: string) => boolean;
};

/**
 * The orchestrator is the engine plus a definition: it translates effects into messages and timers and knows
 * nothing else. An instance follows the definition it began with, whatever is deployed later; a message of an
 * instance with an unknown definition stays undecided (E_DEFINITION_UNKNOWN).
 */
export function createOrchestrator(ports: OrchestratorPorts): Service {
  const definitionOf = createPinned(ports);
  return {
    name: orchestratorName,
    endpoints: [],
    handlers: {},
    stateful: async (recorded, message) => {
      const { pin: pinned, state } = read(recorded);
      if (hasEnded(state)) return "no change";
      const { definition, pin } = await definitionOf(pinned);
      const [from, heard] = asHeard(definition, state, message, ports);
      const decision = decide(definition, from, heard);
      return decision.state === from
        ? "no change"
        : toReaction({ v: 1, pin, state: decision.state }, decision.outgoing);
    },
    prefetch: 16,
  };
}

/**
 * The message and state that the engine sees. Messages of deployed services have gaps: an unverified claim, a
 * result that cannot be attributed (answered at once, as the deployed orchestrator does), and a timeout that proves
 * nothing because such a result may have been the reply.
 */
function asHeard(
  definition: Definition,
  state: FlowState,
  message: Message,
  { isInDoubt }: OrchestratorPorts,
): readonly [FlowState, Message] {
  if (message.name === definition.trigger.event) return [state, withoutUnverifiedClaim(message)];
  const [step, ...others] = definition.steps;
  if (step === undefined || others.length > 0) return [state, message];
  const isResult = message.name === step.reply.completed;
  if (isResult && message.headers[headerNames.flowLink] === "none")
    return [waitingFor(step, definition, message), message];
  const timer = TimerPayload.safeParse(message.payload);
  const isTimeout = message.kind === "timer" && timer.data?.purpose === "timeout";
  return isTimeout && isInDoubt(message.flowId)
    ? [state, unattributed(step, message)]
    : [state, message];
}

const waitingFor = (step: Step, definition: Definition, { flowId }: Message): FlowState => ({
  ...{ status: "running", definition: versionOf(definition), flowId, input: {} },
  steps: { [step.id]: { status: "running", attempt: 1 } },
});

const unattributed = ({ reply, service }: Step, timeout: Message): Message => ({
  ...timeout,
  kind: "event",
  name: reply.failed,
  payload: {
    code: "E_RESULT_UNATTRIBUTED",
    reason: `${service} sent a result without a picture while several analyses were waiting; it may belong to this one`,
    retryable: false,
  },
});

/** The recorded form of an instance. */
const Recorded = z.object({
  /** Incremented with every change of this shape; `read` upgrades older records. */
  v: z.literal(1),
  /** The definition it follows; null before it has begun. */
  pin: z.string().nullable(),
  state: FlowState,
});
type Recorded = Readonly<z.infer<typeof Recorded>>;

/** Written by this process and unmodified: anything read from a file is parsed with its schema. */
const ownRecords = new WeakSet<object>();

function read(recorded: unknown): Recorded {
  if (recorded === undefined) return { v: 1, pin: null, state: initialState };
  if (isOwn(recorded)) return recorded;
  const earlier = FlowState.safeParse(recorded);
  if (earlier.success) {
    const { data: state } = earlier;
    return { v: 1, pin: state.status === "idle" ? null : state.definition, state };
  }
  const { data, error } = Recorded.safeParse(recorded);
  if (data !== undefined) return data;
  throw new TuError("E_STATE_UNUSABLE", `a recorded state is invalid: ${describeIssues(error)}`, {
    hint: "run `tu-analyze state verify`",
  });
}

const isOwn = (recorded: unknown): recorded is Recorded =>
  typeof recorded === "object" && recorded !== null && ownRecords.has(recorded);

/** The current state of an instance. */
export const stateOf = (record: Pick<FlowRecord, "state"> | undefined): FlowState =>
  read(record?.state).state;

/** `id@version#hash`: two different definitions are never confused. */
export function pinOf(definition: Definition, digest: Digest): string {
  const text = new TextEncoder().encode(JSON.stringify(definition));
  return `${versionOf(definition)}#${digest(text).slice(0, 16)}`;
}

type Pinned = { readonly pin: string; readonly definition: Definition };

/** The definition an instance follows: the pinned one, or the newest, which is stored before it is first pinned. */
function createPinned({ definition, definitions, digest }: OrchestratorPorts) {
  const newest: Pinned = { definition, pin: pinOf(definition, digest) };
  const known = new Map([
    [newest.pin, newest],
    [versionOf(definition), newest], // the format of pins before hashes were added
  ]);
  let keeping: Promise<void> | undefined;
  const keepNewest = async (): Promise<Pinned> => {
    keeping ??= definitions.keep(newest.pin, newest.definition).catch((error: unknown) => {
      keeping = undefined;
      throw error;
    });
    await keeping;
    return newest;
  };
  return async (pin: string | null): Promise<Pinned> => {
    if (pin === null) return keepNewest();
    const here = known.get(pin);
    if (here !== undefined) return here;
    const kept = await definitions.find(pin);
    if (kept === undefined)
      throw new TuError("E_DEFINITION_UNKNOWN", `the definition ${pin} is unknown`, {
        hint: "continue with the newer version that started this flow",
      });
    const found = { pin, definition: readDefinition(kept) };
    known.set(pin, found);
    return found;
  };
}

function toReaction(recorded: Recorded, effects: readonly Effect[]): StatefulReaction {
  ownRecords.add(recorded);
  return {
    state: recorded,
    ended: hasEnded(recorded.state),
    outgoing: effects.flatMap((effect) => (effect.type === "timer" ? [] : [draftOf(effect)])),
    timers: effects.flatMap((effect) => (effect.type === "timer" ? [timerOf(effect)] : [])),
  };
}

function timerOf({ delayMs, timer }: Extract<Effect, { type: "timer" }>) {
  const isPatience = timer.purpose === "timeout";
  return { name: timerName, payload: timer, delayMs, isPatience };
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
