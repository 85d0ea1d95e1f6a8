import type { Digest } from "../ports/digest.ts";
import type { Machine } from "../ports/machines.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { StateProblem, StateVerification } from "../reports/state.ts";
import type { Kept } from "./keep-state.ts";
import { allMachines } from "./machines.ts";

/**
 * Reads everything stored: every entry and what it refers to, every object, checked against the size and checksum
 * in its upload and its comparison, and every picture a machine was seen in. `kept` is null if there is no state.
 */
export async function verifyState(
  kept: (Omit<Kept, "objects"> & { readonly objects: ObjectStore; readonly digest: Digest }) | null,
): Promise<StateVerification> {
  const schema = "tu-analyze/state-verification@1";
  const nothing = { flows: 0, objects: 0, sightings: 0, uploads: 0 };
  if (kept === null) return { schema, checked: nothing, problems: [] };
  const known = await knownOf(kept);
  const objects = await kept.objects.list();
  const problems: StateProblem[] = [];
  let flows = 0;
  for (const [id, journal] of kept.journals) {
    const { finished, underWay } = await journal.count();
    flows += finished + underWay;
    for (const problem of await journal.verify()) problems.push({ about: "journal", id, problem });
  }
  for (const { key } of objects)
    for (const problem of await problemsOf(key, known, kept.objects, kept.digest))
      problems.push({ about: "object", id: key, problem });
  const stored = new Set(objects.map(({ key }) => key));
  problems.push(...missingUploads(known, stored));
  let sightings = 0;
  for await (const machine of allMachines(kept.machines)) {
    sightings += machine.sightings.length;
    problems.push(...missingPictures(machine, stored));
  }
  const checked = { flows, objects: objects.length, sightings, uploads: known.uploads.length };
  return { schema, checked, problems };
}

const problemOf = (key: string) => `its picture is missing or incomplete (${key})`;

function missingUploads({ uploads }: Known, stored: ReadonlySet<string>): readonly StateProblem[] {
  return uploads
    .filter(({ key, status }) => status === "Uploaded" && !stored.has(key))
    .map(({ key, uploadId: id }) => ({ about: "upload", id, problem: problemOf(key) }));
}

function missingPictures(
  { id, sightings }: Machine,
  stored: ReadonlySet<string>,
): readonly StateProblem[] {
  return sightings
    .filter(({ objectKey }) => !stored.has(objectKey))
    .map(({ objectKey }) => ({ about: "machine", id, problem: problemOf(objectKey) }));
}

type Known = Awaited<ReturnType<typeof knownOf>>;

async function knownOf({ fingerprints, uploads }: Omit<Kept, "objects">) {
  const sessions = await uploads.list();
  return {
    uploads: sessions,
    claims: new Map(sessions.map((session) => [session.key, session])),
    fingerprints,
  };
}

async function problemsOf(
  key: string,
  { claims, fingerprints }: Known,
  objects: ObjectStore,
  digest: Digest,
): Promise<readonly string[]> {
  const stored = await objects.get(key);
  if (stored === undefined) return ["it cannot be read completely"];
  const checksum = digest(stored.bytes);
  const claim = claims.get(key);
  const compared = await fingerprints.find(key);
  const problems: string[] = [];
  if (claim?.bytes != null && claim.bytes !== stored.sizeBytes)
    problems.push(`it has ${stored.sizeBytes} bytes, but ${claim.bytes} were uploaded`);
  if (claim?.checksum != null && claim.checksum.replace(/^sha256:/, "") !== checksum)
    problems.push("its checksum differs from that of the upload");
  if (compared !== undefined && compared.checksum !== checksum)
    problems.push("its checksum differs from that of the comparison");
  return problems;
}
