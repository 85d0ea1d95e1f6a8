import { byLastSeen, machineOf, withObservation } from "../../pipeline/contracts/machine.ts";
import type { Machine, Machines } from "../../pipeline/ports.ts";

/** Machines for as long as the process lives. */
export function createMemoryMachines(): Machines {
  const machines = new Map<string, Machine>();
  const byFlow = new Map<string, string>();
  const byObjectKey = new Map<string, string>();
  const byChecksum = new Map<string, string>();

  let ordered: readonly Machine[] | null = null;

  const list = () => {
    ordered ??= [...machines.values()].sort(byLastSeen);
    return ordered;
  };
  return {
    async save(observation) {
      const { checksum, sighting } = observation;
      const saved = machines.get(byFlow.get(sighting.flowId) ?? "");
      if (saved !== undefined) return saved;
      const machineId = machineOf(observation, byChecksum);
      const machine = withObservation(machineId, machines.get(machineId), observation);
      machines.set(machineId, machine);
      ordered = null;
      byFlow.set(sighting.flowId, machineId);
      if (checksum !== null) byChecksum.set(checksum, machineId);
      if (!byObjectKey.has(sighting.objectKey)) byObjectKey.set(sighting.objectKey, machineId);
      return machine;
    },
    find: async (id) => machines.get(id),
    findByPrefix: async (prefix) => list().filter(({ id }) => id.startsWith(prefix)),
    findByObjectKey: async (objectKey) => machines.get(byObjectKey.get(objectKey) ?? ""),
    list: async ({ limit } = {}) => list().slice(0, limit),
    async clear() {
      for (const known of [machines, byFlow, byObjectKey, byChecksum]) known.clear();
      ordered = null;
    },
  };
}
