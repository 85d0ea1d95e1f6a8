// The comparison's rules, pure. Only the same picture is `known`; the same model is a reason to look twice, never a
// reason to merge two machines.

import type { ComparisonCompleted } from "../../contracts/comparison.ts";
import { bitsApart } from "../../domain/picture.ts";
import type { Picture } from "../../ports/fingerprints.ts";
import type { MachineSummary } from "../../ports/machines.ts";
import { isSameBrand } from "../../recognition/catalogue.ts";

/** Of 256 bits. Re-encoded and resized pictures stay well below, other pictures well above. */
const samePictureBitsMax = 20;
export const similarPictureBitsMax = 48;
export const matchesMax = 5;

export type Attributes = Pick<MachineSummary, "brand" | "type" | "model">;
export type Candidate = Attributes & Picture;
/** A machine and pictures it was seen in; dissimilar ones may be omitted. */
export type Stored = {
  readonly machine: Pick<MachineSummary, "id"> & Attributes;
  readonly pictures: readonly Picture[];
};
type Match = ComparisonCompleted["matches"][number] & { readonly isSame: boolean };

export function compare(
  candidate: Candidate,
  stored: readonly Stored[],
): Pick<ComparisonCompleted, "verdict" | "matches"> {
  const matches = stored
    .map((one) => matchOf(candidate, one))
    .filter((match) => match !== undefined)
    .toSorted((a, b) => b.score - a.score || (a.machineId < b.machineId ? -1 : 1))
    .slice(0, matchesMax);
  const verdict = matches[0]?.isSame ? "known" : matches.length > 0 ? "ambiguous" : "new";
  return {
    verdict,
    matches: matches.map(({ machineId, reasons, score }) => ({ machineId, score, reasons })),
  };
}

function matchOf(candidate: Candidate, { machine, pictures }: Stored): Match | undefined {
  const conflicts = conflictsOf(candidate, machine);
  const isSameFile = pictures.some(({ checksum }) => checksum === candidate.checksum);
  if (isSameFile) return same(machine, 1, "the same file");
  const distance = Math.min(
    ...pictures.map(({ perceptualHash }) => bitsApart(perceptualHash, candidate.perceptualHash)),
  );
  if (distance <= samePictureBitsMax && conflicts.length === 0) {
    const score = 1 - distance / 256;
    return same(machine, score, `the same picture (${distance} of 256 bits differ)`);
  }
  return similar(candidate, machine, distance, conflicts);
}

function conflictsOf(a: Attributes, b: Attributes): readonly string[] {
  return (["brand", "type", "model"] as const).filter(
    (field) => a[field] !== null && b[field] !== null && !agree(field, a, b),
  );
}

/** Same brand and model, with no conflicting attribute. */
export function isSameModel(a: Attributes, b: Attributes): boolean {
  const isNamed = a.brand !== null && b.brand !== null && a.model !== null && b.model !== null;
  return isNamed && conflictsOf(a, b).length === 0;
}

/**
 * Machines are stored as recognised, including today's services' "Caterpillar Inc.": brand aliases are resolved
 * here, on both sides, so that earlier records need no rewriting.
 */
function agree(field: keyof Attributes, a: Attributes, b: Attributes): boolean {
  const [one, other] = [a[field], b[field]];
  if (field !== "brand" || one === null || other === null) return one === other;
  return isSameBrand(one, other);
}

function same(machine: Stored["machine"], score: number, reason: string): Match {
  return { machineId: machine.id, score: round(score), reasons: [reason], isSame: true };
}

function similar(
  candidate: Candidate,
  machine: Stored["machine"],
  distance: number,
  conflicts: readonly string[],
): Match | undefined {
  const hasSameModel = isSameModel(candidate, machine);
  const isSimilarPicture = distance <= similarPictureBitsMax;
  if (conflicts.length > 0 || !(hasSameModel || isSimilarPicture)) return undefined;
  const reasons = [
    ...(hasSameModel ? [`same brand and model (${machine.brand} ${machine.model})`] : []),
    isSimilarPicture ? `a similar picture (${distance} of 256 bits differ)` : "another picture",
  ];
  const score = (hasSameModel ? 0.5 : 0.2) + (isSimilarPicture ? 0.3 * (1 - distance / 256) : 0);
  return { machineId: machine.id, score: round(score), reasons, isSame: false };
}

function round(score: number): number {
  return Math.round(score * 1000) / 1000;
}
