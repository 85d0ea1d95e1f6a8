// Where `publish` sends to. Names adapters, like compose.ts.

import type { FlowName } from "../pipeline/contracts/contract.ts";
import { createPublisher } from "../pipeline/delivery/publisher.ts";
import { storedWire } from "../pipeline/delivery/stored-wire.ts";
import type { Message } from "../pipeline/message.ts";
import type { Clock } from "../pipeline/ports/clock.ts";
import type { FlowStore } from "../pipeline/ports/flow-store.ts";
import type { Ids } from "../pipeline/ports/ids.ts";
import type { Publisher } from "../pipeline/ports/publisher.ts";
import type { Cluster } from "./cluster.ts";
import { openPipeline, type PipelineOptions } from "./compose.ts";
import type { Instance } from "./compose-running.ts";
import { openSeen, openStore } from "./compose-seen.ts";
import { watchTransports } from "./compose-tap.ts";
import { openTools } from "./compose-tools.ts";
import { openTransports } from "./compose-transports.ts";
import { inScope, type Scope } from "./scope.ts";

export type Publishing = {
  readonly publisher: Publisher;
  readonly ids: Ids;
  readonly clock: Clock;
  /** What was seen of flows. */
  readonly store: FlowStore;
  /** What was sent would be lost if this process ended. */
  isOwed(message: Message): Promise<boolean>;
  close(): Promise<void>;
};

/** To the cluster of the context, to a pipeline that runs here, or to one of its own. */
export const openPublishing = (
  target: {
    readonly cluster: Cluster | null;
    readonly running: Instance | null;
    readonly stateDir: string;
    readonly flow: FlowName;
    /** What it leads to on a cluster is seen from here. */
    readonly isFollowed: boolean;
  },
  own: () => Promise<PipelineOptions>,
): Promise<Publishing> =>
  inScope(async (scope) => {
    const openStoreOf = target.isFollowed ? openStore : openSeen;
    const store = scope.use(await openStoreOf(target.stateDir));
    const common = { ...(await openTools()), store };
    return { ...common, ...(await publisherFor(target, { own, ...common }, scope)) };
  });

async function publisherFor(
  target: Parameters<typeof openPublishing>[0],
  tools: Pick<Publishing, "clock" | "ids"> & { readonly own: () => Promise<PipelineOptions> },
  scope: Scope,
): Promise<Pick<Publishing, "publisher" | "isOwed">> {
  const { cluster, running } = target;
  const isTaken = async () => false;
  if (cluster !== null) {
    // Nothing is consumed: there are no handlers to fail.
    const transports = scope.use(await openTransports(cluster, () => undefined));
    const watching = { ...target, ...tools, onError: () => undefined, sinceMs: null };
    if (target.isFollowed) await watchTransports(transports, watching, scope);
    return { publisher: createPublisher(transports), isOwed: isTaken };
  }
  if (running !== null) {
    const { createHttpObserver } = await import("../adapters/http/observer.ts");
    const observer = createHttpObserver(running.observer.url, running.observer.token);
    const publisher: Publisher = {
      send: (destination, wire) => observer.publish(destination, storedWire(wire)),
    };
    return { publisher, isOwed: isTaken };
  }
  const pipeline = scope.use(await openPipeline(await tools.own()));
  const { publisher } = pipeline;
  return { publisher, isOwed: async (message) => !(await pipeline.isDecided(message)) };
}
