// A pipeline that others run, through its gateway. Names adapters, like compose.ts.

import type { FlowName } from "../pipeline/contracts/contract.ts";
import { everyMessage } from "../pipeline/domain/seen-flow.ts";
import { flowNamed } from "../pipeline/flows/flow.ts";
import { tellingObjects } from "../pipeline/http/told-objects.ts";
import { createTappedGateway } from "../pipeline/operations/tapped-gateway.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import { createRecorder } from "../pipeline/trace/recorder.ts";
import type { Cluster } from "./cluster.ts";
import type { Pipeline } from "./compose.ts";
import { keepingSeen } from "./compose-seen.ts";
import { tapTransports } from "./compose-tap.ts";
import { openTools } from "./compose-tools.ts";
import { openTransports } from "./compose-transports.ts";
import { noNotes } from "./resumed.ts";
import { inScope } from "./scope.ts";

/** Of what others run, only the client and the transports are seen from here, and no machine that is stored. */
const seen = ["kafka", "rabbitmq", "graphql"];

export const openGateway = (
  cluster: Cluster,
  gateway: NonNullable<Cluster["gateway"]>,
  options: {
    readonly flow: FlowName;
    readonly stateDir: string;
    readonly reporter: Reporter;
    readonly onError: (error: unknown) => void;
  },
): Promise<Pipeline> =>
  inScope(async (scope) => {
    const { createDeployedGatewayClient } = await import("../adapters/graphql/client.ts");
    const { createFetchHttpClient } = await import("../adapters/http/client.ts");
    const { sha256: digest } = await import("../adapters/memory/ids.ts");
    const { clock, ids } = await openTools();
    const { reporter: next, stateDir } = options;
    const observing = { flow: options.flow, seenAt: [everyMessage] };
    const { reporter } = keepingSeen(stateDir, { observing, clock, next }, scope);
    const recorder = createRecorder(reporter);
    const told = { clock, reporter: recorder };
    const client = scope.use(await createDeployedGatewayClient(gateway.url, gateway.token));
    const tapped = createTappedGateway({ ...told, gateway: client });
    const transports = scope.use(await openTransports(cluster, options.onError));
    const tapping = { flow: options.flow, clock, ids, onMessage: tapped.onMessage };
    scope.use(await tapTransports(transports, { ...tapping, fromMs: "end" }));
    const flow = flowNamed(options.flow);
    const hops = flow.hops.filter(
      ({ to, transport }) => seen.includes(transport) && to !== "svc-machine-storage",
    );
    return {
      ...{ recorder, clock, digest, gateway: tapped.gateway, notes: noNotes, isShared: true },
      http: tellingObjects(createFetchHttpClient(), () => true, told),
      // Machines are stored where they are recognised.
      machines: { findByObjectKey: async () => undefined },
      flow: { ...flow, hops },
      // Wherever a service runs, what it sends is seen.
      runsHere: () => true,
      resumed: () => [],
    };
  });
