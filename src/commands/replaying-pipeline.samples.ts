import type { FlowName } from "../pipeline/contracts/contract.ts";
import { loopbackOnly } from "../pipeline/http/door.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import type { Cluster } from "./cluster.ts";
import {
  openPipeline,
  openServices,
  type Pipeline,
  type PipelineOptions,
  type Services,
} from "./compose.ts";

/** Receives only the notices. */
export const noticing = (onNotice: (message: string) => void): Reporter => ({
  hop: () => undefined,
  notice: ({ message }) => onNotice(message),
});

type Replaying = {
  /** Default null: everything is embedded. */
  readonly cluster?: Cluster | null;
  readonly flow?: FlowName;
  readonly stateDir: string | null;
  readonly answers: string;
  readonly reporter?: Reporter;
};

/**
 * The whole pipeline, in flow `full` unless another is named, reading pictures from the cassettes in `answers`.
 * Nothing is pruned.
 */
export const openReplayingPipeline = (how: Replaying): Promise<Pipeline> =>
  openPipeline(optionsOf(how));

/** The same for clients of its services, on any free ports. */
export const openReplayingServices = (how: Replaying): Promise<Services> =>
  openServices(optionsOf(how), { firstPort: 0, onEvent: () => undefined });

function optionsOf({
  cluster = null,
  flow = "full",
  stateDir,
  answers,
  reporter = noticing(() => undefined),
}: Replaying): PipelineOptions {
  return {
    ...{ cluster, only: null, flow },
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
  };
}
