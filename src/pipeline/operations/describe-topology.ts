import type { FlowName } from "../contracts/contract.ts";
import { type Topology, topologyOf } from "../topology.ts";

/** What a flow needs on the brokers, in the shape of `TopologyReport`. */
export const describeTopology = (
  flow: FlowName,
): Topology & { readonly schema: "tu-analyze/topology@1" } => ({
  schema: "tu-analyze/topology@1",
  ...topologyOf(flow),
});
