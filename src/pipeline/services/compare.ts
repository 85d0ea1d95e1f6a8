// The comparison's rules, pure. `known` is said only for the same picture; the same model is a
// reason to look twice, never a reason to merge two machines.

import type { ComparisonCompleted } from "../contracts/comparison.ts";
import type { Fingerprint, Machine } from "../ports.ts";
import { isSameBrand } from "../recognition/catalogue.ts";

/** Of 256 bits. Re-encoding and resizing stay well below, other pictures well above. */
const samePictureBitsMax = 20;
const similarPictureBitsMax = 48;

export type Candidate = {
  readonly brand: string | null;
  readonly type: string | null;
  readonly model: string | null;
  readonly checksum: string;
  readonly perceptualHash: string;
};
type Match = ComparisonCompleted["matches"][number] & { readonly isSame: boolean };

export function compare(
  candidate: Candidate,
  stored: readonly { readonly machine: Machine; readonly fingerprints: readonly Fingerprint[] }[],
): Pick<ComparisonCompleted, "verdict" | "matches"> {
  const matches = stored
    .map(({ fingerprints, machine }) => matchOf(candidate, machine, fingerprints))
    .filter((match) => match !== undefined)
    .toSorted((a, b) => b.score - a.score || (a.machineId < b.machineId ? -1 : 1))
    .slice(0, 5);
  const verdict = matches[0]?.isSame ? "known" : matches.length > 0 ? "ambiguous" : "new";
  return {
    verdict,
    matches: matches.map(({ machineId, reasons, score }) => ({ machineId, score, reasons })),
  };
}

function matchOf(
  candidate: Candidate,
  machine: Machine,
  fingerprints: readonly Fingerprint[],
): Match | undefined {
  const conflicts = (["brand", "type", "model"] as const).filter(
    (field) =>
      candidate[field] !== null && machine[field] !== null && !agree(field, candidate, machine),
  );
  const isSameFile = fingerprints.some(({ checksum }) => checksum === candidate.checksum);
  if (isSameFile) return same(machine, 1, "the same file");
  const distance = Math.min(
    ...fingerprints.map(({ perceptualHash }) =>
      bitsApart(perceptualHash, candidate.perceptualHash),
    ),
  );
  if (distance <= samePictureBitsMax && conflicts.length === 0) {
    const score = 1 - distance / 256;
    return same(machine, score, `the same picture (${distance} of 256 bits differ)`);
  }
  return similar(candidate, machine, distance, conflicts);
}

type Attributes = Pick<Candidate, "brand" | "type" | "model">;

/**
 * Machines are stored as they were recognised, today's services' "Caterpillar Inc." included: what is
 * one brand is decided here, for both sides, so that what was stored earlier needs no rewriting.
 */
function agree(field: keyof Attributes, a: Attributes, b: Attributes): boolean {
  const [one, other] = [a[field], b[field]];
  if (field !== "brand" || one === null || other === null) return one === other;
  return isSameBrand(one, other);
}

function same(machine: Machine, score: number, reason: string): Match {
  return { machineId: machine.id, score: round(score), reasons: [reason], isSame: true };
}

function similar(
  candidate: Candidate,
  machine: Machine,
  distance: number,
  conflicts: readonly string[],
): Match | undefined {
  const isSameModel =
    candidate.brand !== null &&
    candidate.model !== null &&
    agree("brand", candidate, machine) &&
    candidate.model === machine.model;
  const isSimilarPicture = distance <= similarPictureBitsMax;
  if (conflicts.length > 0 || !(isSameModel || isSimilarPicture)) return undefined;
  const reasons = [
    ...(isSameModel ? [`same brand and model (${machine.brand} ${machine.model})`] : []),
    isSimilarPicture ? `a similar picture (${distance} of 256 bits differ)` : "another picture",
  ];
  const score = (isSameModel ? 0.5 : 0.2) + (isSimilarPicture ? 0.3 * (1 - distance / 256) : 0);
  return { machineId: machine.id, score: round(score), reasons, isSame: false };
}

/** Hamming distance of two hashes in hex of equal length. */
export function bitsApart(a: string, b: string): number {
  let bits = Math.abs(a.length - b.length) * 4;
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    let differing = Number.parseInt(a.charAt(index), 16) ^ Number.parseInt(b.charAt(index), 16);
    for (; differing > 0; differing >>= 1) bits += differing & 1;
  }
  return bits;
}

function round(score: number): number {
  return Math.round(score * 1000) / 1000;
}
