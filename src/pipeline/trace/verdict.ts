import { endsOfAnalysis } from "../contracts/analysis.ts";
import { catalogue } from "../contracts/catalogue.ts";
import { serviceNames } from "../contracts/contract.ts";
import { everyMessage, onlyRecords, type SeenFlow } from "../domain/seen-flow.ts";
import type { ExpectedHop, Flow } from "../flows/flow.ts";
import type { Hop } from "../ports/reporter.ts";
import { durationText, parseDuration } from "../time.ts";
import { isSeen } from "./story.ts";
import { visibleOf } from "./stuck.ts";

// What became of a flow, from what was seen of it and what its definition declares. The rules are asked in order, and
// the first that has an answer gives the verdict.

/** `abandoned`: its client began, and was never accepted. `unknown`: too little of it could be seen. */
export type VerdictState = "complete" | "failed" | "running" | "stuck" | "abandoned" | "unknown";

/** A hop that the flow has not shown, and where it should be found. */
export type MissingHop = Pick<ExpectedHop, "name" | "from" | "to" | "transport"> & {
  /** `topic tu.images.uploaded, group svc-messaging-bridge`; null for a request. */
  readonly place: string | null;
  /** How long nothing was seen of the flow. */
  readonly sinceMs: number;
};

export type Verdict = {
  readonly state: VerdictState;
  /** The name of the rule that gave it. */
  readonly rule: string;
  readonly text: string;
  readonly missing: MissingHop | null;
  /** What to look at next. */
  readonly look: readonly string[];
};

export type Evidence = {
  readonly flow: Flow;
  readonly about: SeenFlow;
  /** In the order of time. */
  readonly hops: readonly Hop[];
  readonly nowMs: number;
  /** Whether a pipeline that could go on runs here; null if that is not ours to know, as on a cluster. */
  readonly isRunning: boolean | null;
};

/** An answer of a rule; what it leaves out is filled in. */
type Answer = Pick<Verdict, "state" | "text"> & Partial<Pick<Verdict, "missing" | "look">>;
/** Evidence, with what should have been seen before the flow's end and was not, in order. */
type Case = Evidence & { readonly gaps: readonly ExpectedHop[] };
type Rule = (one: Case) => Answer | undefined;

const rules = {
  endedTwice,
  failedAtStep,
  completeWithGaps,
  complete,
  parkedMessage,
  partlySeen,
  neverAccepted,
  underWay,
  nothingRuns,
  stuckBefore,
} satisfies Record<string, Rule>;

export const verdictRules = Object.keys(rules) as readonly (keyof typeof rules)[];

export function verdictOn(evidence: Evidence): Verdict {
  const one = { ...evidence, gaps: gapsIn(evidence) };
  for (const [rule, judge] of Object.entries(rules)) {
    const answer = judge(one);
    if (answer !== undefined) return { rule, missing: null, look: [], ...answer };
  }
  return { ...silent(evidence), rule: "silent" };
}

/** Two ends with different ids: something decided twice. */
function endedTwice({ hops }: Evidence): Answer | undefined {
  const ends = hops.filter(({ name }) => endsOfAnalysis.includes(name));
  const ids = [...new Set(ends.map(({ messageId }) => messageId))];
  if (ids.length < 2) return undefined;
  const names = [...new Set(ends.map(({ name }) => name))].join(" and ");
  return {
    state: "failed",
    text: `ended ${ids.length} times (${names}): it was decided more than once`,
    look: ["compare the ends with `tu-analyze trace <id> -o jsonl`"],
  };
}

function failedAtStep({ about, hops }: Evidence): Answer | undefined {
  if (about.status !== "failed") return undefined;
  const { attempts, failure } = about;
  if (failure === null || failure.step === "") {
    const reason = hops.findLast(({ name }) => name === "analysis.failed")?.note;
    return { state: "failed", text: `failed${reason == null ? "" : `: ${reason}`}` };
  }
  const tries = attempts > 1 ? ` after ${attempts} attempts` : "";
  const text = `failed at step ${failure.step}${tries}: ${failure.code}: ${failure.reason}`;
  return { state: "failed", text };
}

/** The client is told by the gateway; whether it heard is known only where a client of ours reported it. */
const optional = ["onAnalysisCompleted", "onAnalysisFailed"];

function completeWithGaps(evidence: Case): Answer | undefined {
  if (evidence.about.status !== "completed" || isPartial(evidence)) return undefined;
  const { gaps } = evidence;
  const [first] = gaps;
  if (first === undefined) return undefined;
  const which = gaps.map(({ from, name, to }) => `${name} (${from} → ${to})`).join(", ");
  return {
    state: "complete",
    text: `complete in ${duration(evidence.about)}, but not seen: ${which}`,
    missing: missingHop(first, evidence),
  };
}

function complete({ about }: Evidence): Answer | undefined {
  if (about.status !== "completed") return undefined;
  return { state: "complete", text: `complete in ${duration(about)}` };
}

function parkedMessage({ hops }: Evidence): Answer | undefined {
  const parked = hops.findLast(({ kind, name }) => kind === "write" && name.endsWith(" parked"));
  if (parked === undefined) return undefined;
  const name = parked.name.slice(0, -" parked".length);
  return {
    state: "stuck",
    text: `stuck: ${parked.from} gave up ${name}: ${parked.note ?? "no reason is known"}`,
    look: [`the dead letter is on ${parked.transport}, ${parked.to}`],
  };
}

const isPartial = ({ about }: Evidence) => about.seenAt.includes(onlyRecords);

/** What could not be seen is not missing. */
function partlySeen(evidence: Evidence): Answer | undefined {
  if (!isPartial(evidence)) return undefined;
  return {
    state: "unknown",
    text: "not known: it began before anybody looked, and of that only the records on Kafka can be read",
    look: ["keep `tu-analyze trace --follow` running to see what comes"],
  };
}

/** Up to the confirmation, the client leads. */
function neverAccepted(evidence: Case): Answer | undefined {
  const [missing] = evidence.gaps;
  const led = evidence.flow.hops.slice(0, evidence.flow.hops.findIndex(isAnnouncement));
  if (missing === undefined || !led.includes(missing)) return undefined;
  if (silenceMs(evidence) < patienceMs(missing, evidence.flow)) return undefined;
  const { from, name } = missing;
  return {
    state: "abandoned",
    text: `never accepted: ${name} (from ${from}) did not come, so there is nothing to go on`,
    missing: missingHop(missing, evidence),
    look: ["upload the picture again"],
  };
}

const isAnnouncement = ({ transport }: ExpectedHop) => transport === "kafka";

function underWay(evidence: Case): Answer | undefined {
  const [missing] = evidence.gaps;
  if (missing === undefined) return undefined;
  if (silenceMs(evidence) >= patienceMs(missing, evidence.flow)) return undefined;
  const since = durationText(silenceMs(evidence));
  const text = `running: ${missing.name} (${missing.from} → ${missing.to}) is next, for ${since}`;
  return { state: "running", text, missing: missingHop(missing, evidence) };
}

function nothingRuns(evidence: Case): Answer | undefined {
  const [missing] = evidence.gaps;
  if (missing === undefined || evidence.isRunning !== false) return undefined;
  return {
    state: "stuck",
    text: `stuck before ${missing.name} (${missing.from} → ${missing.to}): no pipeline runs here`,
    missing: missingHop(missing, evidence),
    look: ["the next start resumes it: `tu-analyze up`, or any upload"],
  };
}

function stuckBefore(evidence: Case): Answer | undefined {
  const [missing] = evidence.gaps;
  if (missing === undefined) return undefined;
  const found = missingHop(missing, evidence);
  const where = found.place === null ? "" : `, expected on ${found.place}`;
  const since = durationText(found.sinceMs);
  const { from, name, to } = missing;
  return {
    state: "stuck",
    text: `stuck before ${name} (${from} → ${to}), not seen for ${since}${where}`,
    missing: found,
    look: lookAt(missing, evidence),
  };
}

function silent(evidence: Evidence): Omit<Verdict, "rule"> {
  const since = durationText(silenceMs(evidence));
  const text = `every hop was seen, but not the end, for ${since}`;
  return { state: "stuck", text, missing: null, look: ["look at svc-analysis-orchestrator"] };
}

/** A message that was not received was not sent, or not taken: both sides may be the cause. */
function lookAt(missing: ExpectedHop, { about, hops, isRunning }: Evidence): readonly string[] {
  const { from, to, transport } = missing;
  const left = isRunning === null ? [] : [from, to].filter((one) => isLeftOut(one, about));
  if (left.length > 0)
    return left.map((service) => `no pipeline here runs ${service}: see --only, \`tu-analyze ps\``);
  const isKnown = hops.some((hop) => hop.from === from && hop.transport !== "http");
  const sender = isKnown ? [] : [`nothing was seen of ${from}: does it run?`];
  if (transport === "http") return [`look at ${from} and ${to}`];
  return [...sender, `does ${to} run and consume? does ${from} say why it sent nothing?`];
}

const isLeftOut = (service: string, { seenAt }: SeenFlow) =>
  serviceNames.some((name) => name === service) && !seenAt.includes(service);

function gapsIn({ about, flow, hops, isRunning }: Evidence): readonly ExpectedHop[] {
  const { seenAt } = about;
  const isEmbedded = isRunning !== null; // what does not run here runs nowhere
  const runsHere = (service: string) =>
    isEmbedded || seenAt.includes(everyMessage) || seenAt.includes(service);
  const isTapped = seenAt.includes(everyMessage);
  const visible = visibleOf(flow.hops, runsHere).filter(
    ({ name, transport }) =>
      !optional.includes(name) && (!isTapped || transport === "kafka" || transport === "rabbitmq"),
  );
  // Whoever publishes a message, or begins to look later, has no part in what was before.
  const first = Math.max(
    0,
    visible.findIndex((expected) => isSeen(expected, hops)),
  );
  return visible.slice(first).filter((expected) => !isSeen(expected, hops));
}

const silenceMs = ({ about, nowMs }: Evidence) => Math.max(0, nowMs - about.lastAtMs);

/** A step may take as long as the definition allows it; everything else is quick. */
const quickMs = 10_000;

function patienceMs(missing: ExpectedHop, { definition }: Flow): number {
  const step = definition.steps.find(({ reply }) => reply.completed === missing.name);
  return quickMs + (step === undefined ? 0 : (parseDuration(step.timeout) ?? 0));
}

function missingHop(hop: ExpectedHop, evidence: Evidence): MissingHop {
  const { from, name, to, transport } = hop;
  return { name, from, to, transport, place: placeOf(hop), sinceMs: silenceMs(evidence) };
}

/** Where the catalogue says that a message arrives. */
function placeOf({ from, name, to, transport }: ExpectedHop): string | null {
  const route = catalogue
    .find((contract) => contract.name === name)
    ?.routes.find((one) => one.transport === transport && one.producer === from);
  const source = route?.consumers.find(({ service }) => service === to)?.source;
  if (route === undefined || source === undefined) return null;
  return route.transport === "kafka"
    ? `topic ${route.topic} for group ${source}`
    : `queue ${source} of exchange ${route.exchange}`;
}

const duration = ({ endedAtMs, lastAtMs, startedAtMs }: SeenFlow) =>
  `${(((endedAtMs ?? lastAtMs) - startedAtMs) / 1000).toFixed(2)} s`;
