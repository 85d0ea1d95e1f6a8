import type { FlowName } from "../contracts/contract.ts";
import { describeError } from "../errors.ts";
import type { Broker } from "../ports/broker.ts";
import type { Clock } from "../ports/clock.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { Journal } from "../ports/journal.ts";
import type { TransportState } from "../ports/transport.ts";
import { sharedTopologyOf } from "../topology.ts";

/** A dependency that a service needs to be ready. Rejects if it does not work. */
export type Probe = { readonly name: string; readonly work: () => Promise<unknown> };

export type Readiness = {
  /** The problems of that service, in a few words each. Readiness requires that every dependency responds. */
  problems(service: string, own: readonly Probe[]): Promise<readonly string[]>;
  /** The service is subscribed to all of its inputs. */
  connected(service: string): void;
};

const probeTimeoutMs = 2_000;

export function createReadiness(options: {
  readonly flow: FlowName;
  readonly journal: Pick<Journal, "find" | "durable">;
  readonly log: Pick<EventLog, "onState">;
  readonly broker: Pick<Broker, "onState" | "check">;
  readonly clock: Pick<Clock, "sleep">;
}): Readiness {
  const { broker, clock, flow, journal, log } = options;
  const connected = new Set<string>();
  const logIsThere = followed(log, "the event log");
  const brokerIsThere = followed(broker, "the message broker");
  const { exchanges, queues } = sharedTopologyOf(flow);
  const topology = {
    exchanges: exchanges.map(({ name, type }) => ({ name, type })),
    queues: queues.map(({ name }) => ({ name })),
  };
  const shared: readonly Probe[] = [
    { name: "journal", work: () => journal.find("readiness", "nothing") },
    // Also fails when what was accepted cannot be written to disk.
    { name: "journal on disk", work: () => journal.durable() },
    { name: "event log", work: logIsThere },
    { name: "message broker", work: brokerIsThere },
    {
      name: "exchanges and queues",
      async work() {
        const { missing } = await broker.check(topology);
        if (missing.length > 0) throw new Error(`missing: ${missing.join(", ")}`);
      },
    },
  ];
  const tried = async ({ name, work }: Probe): Promise<string | null> => {
    const patience = new AbortController();
    const tooLong = clock.sleep(probeTimeoutMs, patience.signal).then(
      () => `${name}: no answer within ${probeTimeoutMs / 1000} s`,
      () => null, // the work has settled
    );
    try {
      return await Promise.race([work().then(() => null), tooLong]);
    } catch (error) {
      return `${name}: ${describeError(error).reason}`;
    } finally {
      patience.abort();
    }
  };
  return {
    async problems(service, own) {
      const found = await Promise.all([...shared, ...own].map(tried));
      const all = found.filter((trouble) => trouble !== null);
      return connected.has(service) ? all : ["not connected yet", ...all];
    },
    connected: (service) => void connected.add(service),
  };
}

/** Rejects while the connection is lost or blocked. */
function followed(
  transport: { onState(listener: (state: TransportState) => void): unknown },
  what: string,
): () => Promise<void> {
  let trouble: TransportState | null = null;
  transport.onState((state) => {
    trouble = state === "lost" || state === "blocked" ? state : null;
  });
  return async () => {
    if (trouble !== null) throw new Error(`${what} is ${trouble}`);
  };
}
