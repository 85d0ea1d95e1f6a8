import { byLastSeen, machineOf, withObservation } from "../../pipeline/contracts/machine.ts";
import type { Machine, MachineObservation } from "../../pipeline/ports.ts";

/** Machines as the observations made them, in memory. */
export type MachineIndex = {
  /**
   * An observation of a flow that was applied before changes nothing. Applied in the order of saving,
   * which settles for every process alike which machine a picture belongs to.
   */
  apply(observation: MachineObservation): void;
  find(id: string): Machine | undefined;
  /** The machine that a flow saw. */
  findByFlow(flowId: string): Machine | undefined;
  findByObjectKey(objectKey: string): Machine | undefined;
  /** Most recently seen first. */
  list(): readonly Machine[];
};

export function createMachineIndex(): MachineIndex {
  const machines = new Map<string, Machine>();
  const byFlow = new Map<string, string>();
  const byObjectKey = new Map<string, string>();
  const byChecksum = new Map<string, string>();
  let ordered: readonly Machine[] | null = null;

  const find = (id: string | undefined) => (id === undefined ? undefined : machines.get(id));
  return {
    apply(observation) {
      const { checksum, sighting } = observation;
      if (byFlow.has(sighting.flowId)) return;
      const machineId = machineOf(observation, byChecksum);
      machines.set(machineId, withObservation(machineId, machines.get(machineId), observation));
      byFlow.set(sighting.flowId, machineId);
      if (checksum !== null) byChecksum.set(checksum, machineId);
      if (!byObjectKey.has(sighting.objectKey)) byObjectKey.set(sighting.objectKey, machineId);
      ordered = null;
    },
    find,
    findByFlow: (flowId) => find(byFlow.get(flowId)),
    findByObjectKey: (objectKey) => find(byObjectKey.get(objectKey)),
    list() {
      ordered ??= [...machines.values()].sort(byLastSeen);
      return ordered;
    },
  };
}
