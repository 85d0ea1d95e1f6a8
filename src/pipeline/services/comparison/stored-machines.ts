import type { Fingerprints, Picture } from "../../ports/fingerprints.ts";
import type { MachineSummary, Machines } from "../../ports/machines.ts";
import {
  type Candidate,
  isSameModel,
  matchesMax,
  type Stored,
  similarPictureBitsMax,
} from "./compare.ts";

// Selects the stored machines that can be among a candidate's matches. A full scan would give the same matches:
//
// 1. A picture counts for a machine if it is the same file or similar, and those are queried directly.
// 2. The only other evidence is brand and model. Machines with nothing more score alike and are ordered by id, so
//    the first few suffice.

const pageSize = 20;

/** `objectKey` is the candidate's own: a redelivered command must not match itself. */
export async function storedMachines(
  candidate: Candidate,
  objectKey: string,
  { fingerprints, machines }: { fingerprints: Fingerprints; machines: Machines },
): Promise<readonly Stored[]> {
  const found = new Map<string, { machine: MachineSummary; pictures: readonly Picture[] }>();
  for (const picture of await fingerprints.near(candidate, similarPictureBitsMax)) {
    const machine = await machines.ofPicture(picture.checksum, objectKey);
    if (machine === undefined) continue;
    const pictures = [...(found.get(machine.id)?.pictures ?? []), picture];
    found.set(machine.id, { machine, pictures });
  }
  for (const machine of await ofSameModel(candidate, machines))
    if (!found.has(machine.id)) found.set(machine.id, { machine, pictures: [] });
  return [...found.values()];
}

async function ofSameModel(
  candidate: Candidate,
  machines: Pick<Machines, "ofModel">,
): Promise<readonly MachineSummary[]> {
  const found: MachineSummary[] = [];
  if (candidate.model === null) return found;
  for (let after: string | null = null; found.length < matchesMax; ) {
    const page: readonly MachineSummary[] = await machines.ofModel(candidate.model, {
      ...{ after, limit: pageSize },
    });
    found.push(...page.filter((machine) => isSameModel(candidate, machine)));
    after = page.at(-1)?.id ?? null;
    if (page.length < pageSize) break;
  }
  return found.slice(0, matchesMax);
}
