import { endsOfAnalysis } from "../contracts/analysis.ts";
import type { Message } from "../message.ts";
import type { Clock } from "../ports/clock.ts";

// What this process has learned about flows from messages that name them, for messages that do not
// (`flow-links.ts`).

export type Place = { readonly flowId: string; readonly subject: string };

type Heard = Pick<Message, "flowId" | "name" | "payload" | "producer" | "subject">;

export type FlowMemory = {
  /** Learns from an event whose flow is known. */
  learn(event: Heard): void;
  /** Nothing will arrive for this flow. */
  giveUp(flowId: string): void;
  ofKey(subject: string): string | undefined;
  ofUpload(payload: unknown): Place | undefined;
  /** The flow whose recognition result has this content, and which has no message of that name yet. */
  withContentOf(message: Message): Place | undefined;
  /** Recently announced flows that have no message of that name yet. */
  waitingFor(name: string): readonly Place[];
};

type Waiting = Place & { readonly sinceMs: number; readonly heard: Set<string> };
type Result = Place & {
  readonly content: string;
  readonly atMs: number;
  readonly heard: Set<string>;
};

/** Messages that do not name a picture in the deployed services. */
export const keyless: readonly string[] = ["tu.recognition.completed", "analysis.completed"];
export const uploads: readonly string[] = ["tu.images.uploaded", "tu.image.uploaded"];

/** A result that took longer is not attributed to any flow. */
const longestWaitMs = 10 * 60_000;
const rememberedMax = 4096;

export function createFlowMemory({ nowMs }: Pick<Clock, "nowMs">): FlowMemory {
  const flows = new Map<string, string>();
  const places = new Map<string, Place>();
  const waiting = new Map<string, Waiting>();
  const results = new Map<string, Result>();

  const learnUpload = ({ flowId, payload, subject }: Heard): void => {
    const uploadId = uploadIdIn(payload);
    if (uploadId !== "") keep(places, uploadId, { flowId, subject });
    if (!waiting.has(flowId))
      keep(waiting, flowId, { flowId, subject, sinceMs: nowMs(), heard: new Set() });
  };
  const learnAnswer = ({ flowId, name }: Heard): void => {
    const names = endsOfAnalysis.includes(name) ? keyless : [name];
    for (const each of names) waiting.get(flowId)?.heard.add(each);
    results.get(flowId)?.heard.add(name);
  };
  const learnResult = ({ flowId, payload, subject }: Heard): void => {
    if (results.has(flowId)) return; // the bridge forwards it again
    const content = contentOf(payload);
    keep(results, flowId, { flowId, subject, content, atMs: nowMs(), heard: new Set() });
  };
  const isRecent = (atMs: number) => nowMs() - atMs < longestWaitMs;
  return {
    learn(event) {
      const { flowId, name, subject } = event;
      if (subject !== "" && !flows.has(subject)) keep(flows, subject, flowId);
      if (uploads.includes(name)) learnUpload(event);
      else if (isOfAdapter(event)) learnResult(event);
      else if (keyless.includes(name) || endsOfAnalysis.includes(name)) learnAnswer(event);
    },
    giveUp: (flowId) => void waiting.delete(flowId),
    ofKey: (subject) => flows.get(subject),
    ofUpload: (payload) => places.get(uploadIdIn(payload)),
    withContentOf({ name, payload }) {
      const wanted = contentOf(memberOf(payload, "recognitionPayload") ?? payload);
      return [...results.values()].find(
        ({ atMs, content, heard }) => content === wanted && !heard.has(name) && isRecent(atMs),
      );
    },
    waitingFor: (name) =>
      [...waiting.values()].filter(({ heard, sinceMs }) => !heard.has(name) && isRecent(sinceMs)),
  };
}

const isOfAdapter = ({ name, producer }: Heard): boolean =>
  name === "tu.recognition.completed" && producer === "svc-ai-vision-adapter";

export function uploadIdIn(payload: unknown): string {
  const value = memberOf(payload, "uploadId");
  return typeof value === "string" ? value : "";
}

/** Evicts the oldest entry beyond the limit. */
export function keep<V>(map: Map<string, V>, key: string, value: V): void {
  map.set(key, value);
  const [oldest] = map.size > rememberedMax ? map.keys() : [];
  if (oldest !== undefined) map.delete(oldest);
}

function memberOf(value: unknown, name: string): unknown {
  // Any object; the caller checks the member.
  return typeof value === "object" && value !== null
    ? (value as Record<string, unknown>)[name]
    : undefined;
}

/** The content of a result on both brokers: without the type, which the deployed bridge loses. */
function contentOf(result: unknown): string {
  const provider = memberOf(result, "provider");
  const aggregate = memberOf(result, "aggregate");
  const part = (of: unknown, names: readonly string[]) => names.map((name) => memberOf(of, name));
  return JSON.stringify([
    part(provider, ["name", "apiVersion", "featureset", "maxResults"]),
    part(aggregate, ["brand", "model", "confidence", "isConfident", "typeConfidence"]),
    part(aggregate, ["typeSource", "name"]),
  ]);
}
