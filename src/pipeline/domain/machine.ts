import type { Machine, MachineObservation, MachineSummary } from "../ports/machines.ts";

/**
 * The machine an observation belongs to: the one with the same picture, if there is one (`pictured`, by checksum),
 * otherwise the one it names.
 */
export function machineOf(
  { checksum, machineId }: MachineObservation,
  pictured: ReadonlyMap<string, string>,
): string {
  return (checksum === null ? undefined : pictured.get(checksum)) ?? machineId;
}

/**
 * A machine is the sum of its observations, in the order they were saved. Every sighting counts once; brand, type,
 * model, name and confidence come from the observation with the highest confidence, the first if tied; a
 * resemblance has its latest score, and a machine does not resemble itself.
 */
export function withObservation(
  id: string,
  known: Machine | undefined,
  seen: MachineObservation,
): Machine {
  return {
    ...summaryWith(id, known, seen),
    sightings: withSighting(known?.sightings ?? [], seen.sighting),
  };
}

/** The same without the sightings, which may be many. */
export function summaryWith(
  id: string,
  known: MachineSummary | undefined,
  { brand, confidence, model, name, resembles, sighting: { seenAt }, type }: MachineObservation,
): MachineSummary {
  const described = { brand, type, model, name, confidence };
  const { firstSeenAt = seenAt, lastSeenAt = seenAt } = known ?? {};
  return {
    id,
    ...(known === undefined || confidence > known.confidence ? described : descriptionOf(known)),
    firstSeenAt: seenAt < firstSeenAt ? seenAt : firstSeenAt,
    lastSeenAt: seenAt > lastSeenAt ? seenAt : lastSeenAt,
    resembles: mergeResemblances(known?.resembles ?? [], resembles).filter(
      ({ machineId }) => machineId !== id,
    ),
  };
}

const descriptionOf = ({ brand, confidence, model, name, type }: MachineSummary) => ({
  ...{ brand, type, model, name, confidence },
});

/** The newest nearly always comes last; sorting thousands for each would be most of the work. */
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

/** Most recently seen first. */
export const byLastSeen = (a: Machine, b: Machine) =>
  compare(b.lastSeenAt, a.lastSeenAt) || compare(a.id, b.id);

const bySeenAt = (a: { seenAt: string }, b: { seenAt: string }) => compare(a.seenAt, b.seenAt);
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
