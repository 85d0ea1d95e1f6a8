// Watching a cluster's transports, without taking a message. Names adapters, like compose.ts.

import type { FlowName } from "../pipeline/contracts/contract.ts";
import { createFlowLinks } from "../pipeline/delivery/flow-links.ts";
import { everyMessage } from "../pipeline/domain/seen-flow.ts";
import { openTap, reportTapped } from "../pipeline/operations/tap.ts";
import type { Clock } from "../pipeline/ports/clock.ts";
import type { Ids } from "../pipeline/ports/ids.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import { keepingSeen } from "./compose-seen.ts";
import type { Transports } from "./compose-transports.ts";
import type { Scope } from "./scope.ts";

/** Everything that travels from now on is kept with what was seen of its flow, and reported. */
export async function watchTransports(
  { broker, log }: Pick<Transports, "broker" | "log">,
  options: {
    readonly flow: FlowName;
    readonly stateDir: string;
    readonly clock: Clock;
    readonly ids: Ids;
    readonly reporter: Reporter;
  },
  scope: Scope,
): Promise<void> {
  const { clock, flow, ids, reporter: next, stateDir } = options;
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
      onMessage: (tapped) => reportTapped(tapped, told),
    }),
  );
}
