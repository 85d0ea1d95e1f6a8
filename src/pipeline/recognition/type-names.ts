import type { VisionHint } from "../ports/vision.ts";
import { machineTypes } from "./catalogue.ts";

export type TypeGuess = { readonly type: string; readonly hint: VisionHint };

/** Common names of the listed types, besides their own. */
const otherNames: Readonly<Record<string, (typeof machineTypes)[number]>> = {
  Backhoe: "Backhoe Loader",
  "Skid Steer": "Skid Steer Loader",
  Grader: "Motor Grader",
  Dozer: "Bulldozer",
  Dumper: "Dump Truck",
  "Haul Truck": "Dump Truck",
  "Articulated Hauler": "Dump Truck",
  "Telescopic Handler": "Telehandler",
  "Aerial Work Platform": "Aerial Platform",
  "Fork Lift": "Forklift",
};

/** The longest name first: a backhoe loader is also a loader, but more specific. */
const names = [
  ...machineTypes.map((type) => ({ name: type.toUpperCase(), type })),
  ...Object.entries(otherNames).map(([name, type]) => ({ name: name.toUpperCase(), type })),
].toSorted((a, b) => b.name.length - a.name.length);

/** The type that a phrase names, in whole words, singular or plural: "Compact excavators" → "Excavator". */
export function typeNamed(phrase: string): string | null {
  const plain = ` ${phrase.toUpperCase().replaceAll(/[^\p{L}\p{N}]+/gu, " ")} `;
  const found = names.find(
    ({ name }) => plain.includes(` ${name} `) || plain.includes(` ${name}S `),
  );
  return found?.type ?? null;
}
