import type { Machine, MachineObservation } from "../../pipeline/ports.ts";

/** Machines as the observations made them, in memory. */
export type MachineIndex = {
  /** An observation of a flow that was applied before changes nothing. */
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
  let ordered: readonly Machine[] | null = null;

  const find = (id: string | undefined) => (id === undefined ? undefined : machines.get(id));
  return {
    apply(observation) {
      const { machineId, sighting } = observation;
      if (byFlow.has(sighting.flowId)) return;
      machines.set(machineId, withObservation(machines.get(machineId), observation));
      byFlow.set(sighting.flowId, machineId);
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

/**
 * Every sighting counts once; brand, type, model, name and confidence are those of the surest
 * observation, the first of equals; a resemblance has its latest score.
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
