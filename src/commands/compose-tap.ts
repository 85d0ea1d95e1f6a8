// Watching a cluster's transports, without taking a message. Names adapters, like compose.ts.

import type { FlowName } from "../pipeline/contracts/contract.ts";
import { createFlowLinks } from "../pipeline/delivery/flow-links.ts";
import { everyMessage } from "../pipeline/domain/seen-flow.ts";
import { TuError } from "../pipeline/errors.ts";
import { openTap, reportTapped } from "../pipeline/operations/tap.ts";
import type { Clock } from "../pipeline/ports/clock.ts";
import type { Ids } from "../pipeline/ports/ids.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import type { Cluster } from "./cluster.ts";
import { runningIn } from "./compose-running.ts";
import { keepingSeen } from "./compose-seen.ts";
import { openTools } from "./compose-tools.ts";
import { openTransports, type Transports } from "./compose-transports.ts";
import { inScope, type Scope } from "./scope.ts";

/** Watches the transports of a cluster until it is closed. */
export const openWatch = (
  cluster: Cluster,
  options: Omit<Watching, "clock" | "ids">,
): Promise<{ close(): Promise<void> }> =>
  inScope(async (scope) => {
    const transports = scope.use(await openTransports(cluster, options.onError));
    await watchTransports(transports, { ...options, ...(await openTools()) }, scope);
    return {};
  });

type Watching = {
  readonly flow: FlowName;
  readonly stateDir: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly onError: (error: unknown) => void;
};

/**
 * Everything that travels from now on is kept with what was seen of its flow. What reaches a service of a pipeline in
 * this state directory is left to that: it sees it itself.
 */
export async function watchTransports(
  { broker, log }: Pick<Transports, "broker" | "log">,
  { clock, flow, ids, onError, stateDir }: Watching,
  scope: Scope,
): Promise<void> {
  const services = (await runningIn(stateDir)).flatMap((one) => Object.keys(one.services));
  const next: Reporter = {
    hop: () => undefined,
    notice: ({ message }) => onError(new TuError("E_SERVICE_UNAVAILABLE", message)),
  };
  const { createMemoryJournal } = await import("../adapters/memory/journal.ts");
  const observing = { flow, seenAt: [everyMessage] };
  const { reporter } = keepingSeen(stateDir, { observing, clock, next }, scope);
  const links = createFlowLinks({
    ...{ ids, clock },
    journal: createMemoryJournal({ owedTo: () => [] }),
  });
  const told = { clock, reporter };
  scope.use(
    await openTap(flow, {
      ...{ broker, log, ids, clock, links },
      onMessage(tapped) {
        const inputs = tapped.inputs.filter(({ consumer }) => !services.includes(consumer.service));
        reportTapped({ ...tapped, inputs }, told);
      },
    }),
  );
}
