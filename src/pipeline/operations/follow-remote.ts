import { endsOfAnalysis } from "../contracts/analysis.ts";
import { describeError } from "../errors.ts";
import type { GatewayClient } from "../ports/gateway-client.ts";
import type { Observer } from "../ports/observer.ts";
import type { Recorder } from "../trace/recorder.ts";

// Uploads to pipelines in other processes: their hops are fetched while the analysis runs, so that the story is the
// same as in this process. Several may share the work of one flow.
//
//   R1. Hops of a flow are recorded here in the order they were seen in their process, each once.
//   R2. When the end of an analysis is passed on, every hop before it has been recorded, or a notice says that hops
//       are missing.

export type Follower = {
  /** Follows each upload that it starts. */
  readonly gateway: GatewayClient;
  /** Stops following a flow that it forgets. */
  readonly recorder: Recorder;
  close(): Promise<void>;
};

const waitMs = 5_000;

export function createFollower(ports: {
  readonly gateway: GatewayClient;
  readonly observers: readonly Pick<Observer, "hops">[];
  readonly recorder: Recorder;
}): Follower {
  const { gateway, recorder } = ports;
  const flows = new Map<string, readonly Following[]>();
  const followingOf = (flowId: string) => flows.get(flowId) ?? [];
  const stop = async (flowId: string): Promise<void> => {
    const following = followingOf(flowId);
    flows.delete(flowId);
    await Promise.all(following.map((one) => one.stop()));
  };
  return {
    gateway: {
      async startUpload(input) {
        const started = await gateway.startUpload(input);
        const { correlationId: flowId } = started;
        const tell = onlyFirst(recorder, flowId);
        const following = ports.observers.map((observer) =>
          follow(flowId, { observer, recorder, tell }),
        );
        flows.set(flowId, following);
        return started;
      },
      confirmUpload: (input) => gateway.confirmUpload(input),
      subscribe(flowId, listener) {
        let passing: Promise<unknown> = Promise.resolve();
        return gateway.subscribe(flowId, {
          ...listener,
          onEvent(event) {
            const isEnd = endsOfAnalysis.includes(event.name);
            passing = passing
              .then(() => Promise.all(isEnd ? followingOf(flowId).map((one) => one.catchUp()) : []))
              .then(() => listener.onEvent(event));
          },
        });
      },
    },
    recorder: {
      ...recorder,
      forget(flowId) {
        void stop(flowId);
        recorder.forget(flowId);
      },
    },
    async close() {
      await Promise.all([...flows.keys()].map(stop));
    },
  };
}

type Following = {
  /** Resolves when every hop that was seen so far is recorded, or a notice has said that some are missing. */
  catchUp(): Promise<void>;
  stop(): Promise<void>;
};

/** Says once that hops of a flow are missing. */
function onlyFirst(recorder: Recorder, flowId: string): (error: unknown) => void {
  let isTold = false;
  return (error) => {
    if (isTold) return;
    isTold = true;
    const { code, reason } = describeError(error);
    recorder.notice({ code, message: `hops are missing: ${reason}`, flowId });
  };
}

function follow(
  flowId: string,
  {
    observer,
    recorder,
    tell,
  }: {
    readonly observer: Pick<Observer, "hops">;
    readonly recorder: Recorder;
    readonly tell: (error: unknown) => void;
  },
): Following {
  const stopping = new AbortController();
  let waiting = new AbortController();
  let known = 0;
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    const mine = last.then(work);
    last = mine.catch(() => undefined); // reported where it is awaited
    return mine;
  };
  const take = async (ms: number, signal: AbortSignal): Promise<void> => {
    const hops = await observer.hops(flowId, { known, waitMs: ms, signal });
    known += hops.length;
    for (const hop of hops) recorder.hop(hop);
  };
  const wait = async (): Promise<void> => {
    waiting = new AbortController();
    const { signal } = waiting;
    await take(waitMs, AbortSignal.any([stopping.signal, signal])).catch((error: unknown) => {
      if (!signal.aborted) throw error;
    });
  };
  const missing = (error: unknown): void => {
    if (!stopping.signal.aborted) tell(error);
  };
  const run = async (): Promise<void> => {
    try {
      while (!stopping.signal.aborted) await inTurn(wait);
    } catch (error) {
      missing(error);
    }
  };
  const running = run();
  return {
    catchUp() {
      waiting.abort();
      return inTurn(() => take(0, stopping.signal)).catch(missing);
    },
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
