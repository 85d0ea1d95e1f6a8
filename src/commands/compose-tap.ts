// Watching a cluster's transports, without taking a message. Names adapters, like compose.ts.

import type { FlowName } from "../pipeline/contracts/contract.ts";
import { createFlowLinks } from "../pipeline/delivery/flow-links.ts";
import { everyMessage, onlyRecords } from "../pipeline/domain/seen-flow.ts";
import { TuError } from "../pipeline/errors.ts";
import { openTap, reportTapped, type Tap, type Tapped } from "../pipeline/operations/tap.ts";
import type { Clock } from "../pipeline/ports/clock.ts";
import type { Ids } from "../pipeline/ports/ids.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import type { Cluster } from "./cluster.ts";
import { runningIn } from "./compose-running.ts";
import { keepingSeen, openSeen } from "./compose-seen.ts";
import { openTools } from "./compose-tools.ts";
import { openTransports, type Transports } from "./compose-transports.ts";
import { inScope, type Scope } from "./scope.ts";

/** A tap that links what it sees to flows, by what travels alone: no journal knows more. */
export async function tapTransports(
  { broker, log }: Pick<Transports, "broker" | "log">,
  options: {
    readonly flow: FlowName;
    readonly clock: Clock;
    readonly ids: Ids;
    readonly onMessage: (tapped: Tapped) => void;
    readonly fromMs: number | "end";
  },
): Promise<Tap> {
  const { clock, flow, fromMs, ids, onMessage } = options;
  const { createMemoryJournal } = await import("../adapters/memory/journal.ts");
  const journal = createMemoryJournal({ owedTo: () => [] });
  const links = createFlowLinks({ ids, clock, journal });
  return openTap(flow, { broker, log, ids, clock, links, onMessage }, fromMs);
}

/** Watches the transports of a cluster until it is closed. */
export const openWatch = (
  cluster: Cluster,
  options: Omit<Watching, "clock" | "ids">,
): Promise<Watch> =>
  inScope(async (scope) => {
    const transports = scope.use(await openTransports(cluster, options.onError));
    const tools = await openTools();
    return watchTransports(transports, { ...options, ...tools }, scope);
  });

export type Watch = {
  /** What topics had before is kept. */
  readonly caughtUp: Promise<void>;
  close(): Promise<void>;
};

type Watching = {
  readonly flow: FlowName;
  readonly stateDir: string;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly onError: (error: unknown) => void;
  /** Also what topics had since then, in milliseconds since the epoch; null: nothing before now. */
  readonly sinceMs: number | null;
};

/**
 * Everything that travels from now on is kept with what was seen of its flow. What reaches a service of a pipeline in
 * this state directory is left to that: it sees it itself.
 */
export async function watchTransports(
  transports: Pick<Transports, "broker" | "log">,
  { clock, flow, ids, onError, sinceMs, stateDir }: Watching,
  scope: Scope,
): Promise<Pick<Watch, "caughtUp">> {
  const services = (await runningIn(stateDir)).flatMap((one) => Object.keys(one.services));
  const next: Reporter = {
    hop: () => undefined,
    notice: ({ message }) => onError(new TuError("E_SERVICE_UNAVAILABLE", message)),
  };
  const keep = (seenAt: readonly string[]) =>
    keepingSeen(stateDir, { observing: { flow, seenAt }, clock, next }, scope);
  const [live, earlier] = [keep([everyMessage]), keep([onlyRecords])];
  let isEarlier = sinceMs !== null;
  const known = sinceMs === null ? null : await knownOrigins(stateDir, sinceMs);
  const onMessage = (tapped: Tapped) => {
    if (known?.has(tapped.delivery.origin)) return;
    const inputs = tapped.inputs.filter(({ consumer }) => !services.includes(consumer.service));
    const isHistory = isEarlier && tapped.delivery.wire.transport === "kafka";
    reportTapped({ ...tapped, inputs }, isHistory ? earlier : live);
  };
  const tap = scope.use(
    await tapTransports(transports, { flow, clock, ids, onMessage, fromMs: sinceMs ?? "end" }),
  );
  const caughtUp = tap.caughtUp.then(async () => {
    isEarlier = false;
    await earlier.flush();
  });
  caughtUp.catch(() => undefined); // whoever waits for it is told
  return { caughtUp };
}

const pageSize = 500;

/** Records of a log that were seen before: they are not kept a second time. */
async function knownOrigins(stateDir: string, sinceMs: number): Promise<ReadonlySet<string>> {
  const store = await openSeen(stateDir);
  const origins = new Set<string>();
  try {
    for (let after = 0; ; ) {
      const page = await store.added({ after, sinceMs, limit: pageSize });
      for (const { seen } of page)
        for (const one of seen)
          if (one.type === "hop" && one.hop.transport === "kafka" && one.travelled !== null)
            origins.add(one.travelled.origin);
      const last = page.at(-1);
      if (last === undefined || page.length < pageSize) return origins;
      after = last.place;
    }
  } finally {
    await store.close();
  }
}
