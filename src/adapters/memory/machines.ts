import { byLastSeen, machineOf, withObservation } from "../../pipeline/domain/machine.ts";
import type { Machine, MachineSummary, Machines } from "../../pipeline/ports/machines.ts";

/** Machines, for the lifetime of the process. */
export function createMemoryMachines(): Machines {
  const machines = new Map<string, Machine>();
  const byFlow = new Map<string, string>();
  const byObjectKey = new Map<string, string>();
  const byChecksum = new Map<string, string>();
  /** For each picture, the keys of the objects in which it was seen. */
  const keysOf = new Map<string, readonly string[]>();

  const summaryOf = (id: string): MachineSummary | undefined => {
    const machine = machines.get(id);
    if (machine === undefined) return undefined;
    const { sightings: _, ...summary } = machine;
    return summary;
  };
  const ids = () => [...machines.keys()].sort();
  return {
    async save(observation) {
      const { checksum, sighting } = observation;
      const saved = byFlow.get(sighting.flowId);
      if (saved !== undefined) return saved;
      const machineId = machineOf(observation, byChecksum);
      machines.set(machineId, withObservation(machineId, machines.get(machineId), observation));
      byFlow.set(sighting.flowId, machineId);
      if (checksum !== null) {
        byChecksum.set(checksum, machineId);
        keysOf.set(checksum, [...(keysOf.get(checksum) ?? []), sighting.objectKey]);
      }
      if (!byObjectKey.has(sighting.objectKey)) byObjectKey.set(sighting.objectKey, machineId);
      return machineId;
    },
    find: async (id) => machines.get(id),
    idsWith: async (prefix) => ids().filter((id) => id.startsWith(prefix)),
    findByObjectKey: async (objectKey) => machines.get(byObjectKey.get(objectKey) ?? ""),
    async ofPicture(checksum, exceptKey) {
      const isElsewhere = keysOf.get(checksum)?.some((key) => key !== exceptKey) === true;
      return isElsewhere ? summaryOf(byChecksum.get(checksum) ?? "") : undefined;
    },
    ofModel: async (model, { after, limit }) =>
      ids()
        .filter((id) => id > (after ?? "") && machines.get(id)?.model === model)
        .slice(0, limit)
        .flatMap((id) => summaryOf(id) ?? []),
    list: async ({ after, limit }) =>
      [...machines.values()]
        .sort(byLastSeen)
        .filter((machine) => after === undefined || byLastSeen(after, machine) < 0)
        .slice(0, limit),
    count: async () => ({ machines: machines.size, sightings: byFlow.size }),
    async clear() {
      for (const known of [machines, byFlow, byObjectKey, byChecksum, keysOf]) known.clear();
    },
  };
}
