import { openPipeline, type Pipeline } from "./compose.ts";

/** The whole pipeline in flow `full`, its pictures looked at by what is kept in `answers`. Nothing is pruned. */
export const openReplayingPipeline = ({
  stateDir,
  answers,
  onNotice = () => undefined,
}: {
  readonly stateDir: string;
  readonly answers: string;
  readonly onNotice?: (message: string) => void;
}): Promise<Pipeline> =>
  openPipeline({
    flow: "full",
    stateDir,
    faults: {},
    stepTimeouts: {},
    timeoutMs: 120_000,
    limits: { olderThanMs: null, most: null },
    vision: {
      ...{ mode: "replay", directory: answers, models: null, endpoint: "" },
      ...{ callsMax: null, keyFile: null, quotaProject: null },
    },
    reporter: { hop: () => undefined, notice: ({ message }) => onNotice(message) },
    signal: new AbortController().signal,
  });
