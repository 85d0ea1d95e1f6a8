import type { Machine, MachineObservation, Machines } from "../../pipeline/ports.ts";

/** Machines for as long as the process lives. */
export function createMemoryMachines(): Machines {
  const machines = new Map<string, Machine>();
  const byFlow = new Map<string, string>();
  const byObjectKey = new Map<string, string>();

  let ordered: readonly Machine[] | null = null;

  const list = () => {
    ordered ??= [...machines.values()].sort(byLastSeen);
    return ordered;
  };
  return {
    async save(observation) {
      const { machineId, sighting } = observation;
      const saved = machines.get(byFlow.get(sighting.flowId) ?? "");
      if (saved !== undefined) return saved;
      const machine = withObservation(machines.get(machineId), observation);
      machines.set(machineId, machine);
      ordered = null;
      byFlow.set(sighting.flowId, machineId);
      if (!byObjectKey.has(sighting.objectKey)) byObjectKey.set(sighting.objectKey, machineId);
      return machine;
    },
    find: async (id) => machines.get(id),
    findByPrefix: async (prefix) => list().filter(({ id }) => id.startsWith(prefix)),
    findByObjectKey: async (objectKey) => machines.get(byObjectKey.get(objectKey) ?? ""),
    list: async ({ limit } = {}) => list().slice(0, limit),
  };
}

/**
 * Every sighting counts once; brand, type, model, name and confidence are those of the surest
 * observation, the first of equals.
 */
function withObservation(known: Machine | undefined, seen: MachineObservation): Machine {
  const { machineId: id, sighting, ...rest } = seen;
  const sightings = withSighting(known?.sightings ?? [], sighting);
  return {
    id,
    ...(known === undefined || seen.confidence > known.confidence ? rest : known),
    firstSeenAt: sightings[0]?.seenAt ?? sighting.seenAt,
    lastSeenAt: sightings.at(-1)?.seenAt ?? sighting.seenAt,
    sightings,
    resembles: mergeResemblances(known?.resembles ?? [], seen.resembles),
  };
}

/** Nearly always the newest comes last; sorting thousands for each would be most of the work. */
function withSighting(
  known: Machine["sightings"],
  sighting: Machine["sightings"][number],
): Machine["sightings"] {
  const isLast = sighting.seenAt >= (known.at(-1)?.seenAt ?? "");
  return isLast ? [...known, sighting] : [...known, sighting].sort(bySeenAt);
}

function mergeResemblances(
  known: Machine["resembles"],
  seen: Machine["resembles"],
): Machine["resembles"] {
  const isSeen = new Set(seen.map(({ machineId }) => machineId));
  return [...known.filter(({ machineId }) => !isSeen.has(machineId)), ...seen];
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const bySeenAt = (a: { seenAt: string }, b: { seenAt: string }) => compare(a.seenAt, b.seenAt);
const byLastSeen = (a: Machine, b: Machine) =>
  compare(b.lastSeenAt, a.lastSeenAt) || compare(a.id, b.id);
