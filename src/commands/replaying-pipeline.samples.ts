import type { FlowName } from "../pipeline/contracts/contract.ts";
import { loopbackOnly } from "../pipeline/http/door.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import { openPipeline, type Pipeline } from "./compose.ts";

/** Receives only the notices. */
export const noticing = (onNotice: (message: string) => void): Reporter => ({
  hop: () => undefined,
  notice: ({ message }) => onNotice(message),
});

/**
 * The whole pipeline, in flow `full` unless another is named, reading pictures from the cassettes in `answers`.
 * Nothing is pruned.
 */
export const openReplayingPipeline = ({
  flow = "full",
  stateDir,
  answers,
  reporter = noticing(() => undefined),
}: {
  readonly flow?: FlowName;
  readonly stateDir: string | null;
  readonly answers: string;
  readonly reporter?: Reporter;
}): Promise<Pipeline> =>
  openPipeline({
    flow,
    stateDir,
    faults: {},
    stepTimeouts: {},
    timeoutMs: 120_000,
    limits: { olderThanMs: null, most: null },
    door: { allowed: loopbackOnly, introspection: false },
    vision: {
      ...{ mode: "replay", directory: answers, models: null, endpoint: "" },
      runtime: "wasm",
      ...{ callsMax: null, keyFile: null, quotaProject: null },
    },
    reporter,
    signal: new AbortController().signal,
  });
