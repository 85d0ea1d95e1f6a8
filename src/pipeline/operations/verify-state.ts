import * as z from "zod";
import type { Digest, ObjectStore } from "../ports.ts";
import type { Kept } from "./keep-state.ts";

/** Something that does not fit together: `about` names it, `problem` says what is wrong. */
const StateProblem = z.object({
  about: z.enum(["journal", "object", "machine", "upload"]),
  id: z.string(),
  problem: z.string(),
});
export type StateProblem = z.infer<typeof StateProblem>;

export const StateVerification = z.object({
  schema: z.literal("tu-analyze/state-verification@1"),
  checked: z.object({ flows: z.int(), objects: z.int(), sightings: z.int(), uploads: z.int() }),
  problems: z.array(StateProblem),
});
export type StateVerification = z.infer<typeof StateVerification>;

/**
 * Reads everything that is kept: every entry with what it refers to, every object with the size and the
 * checksum that its upload and its comparison remember, and every picture that a machine was seen in.
 */
export async function verifyState(
  kept: Omit<Kept, "objects"> & { readonly objects: ObjectStore },
  digest: Digest,
): Promise<Omit<StateVerification, "schema">> {
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
    for (const problem of await problemsOf(key, known, kept.objects, digest))
      problems.push({ about: "object", id: key, problem });
  problems.push(...missingPictures(known, new Set(objects.map(({ key }) => key))));
  const sightings = known.machines.reduce((sum, machine) => sum + machine.sightings.length, 0);
  const checked = { flows, objects: objects.length, sightings, uploads: known.uploads.length };
  return { checked, problems };
}

function missingPictures(
  { machines, uploads }: Known,
  stored: ReadonlySet<string>,
): readonly StateProblem[] {
  const problem = (key: string) => `its picture is not stored (${key})`;
  const missing = (key: string) => !stored.has(key);
  return [
    ...uploads
      .filter(({ key, status }) => status === "Uploaded" && missing(key))
      .map(({ key, uploadId: id }) => ({ about: "upload" as const, id, problem: problem(key) })),
    ...machines.flatMap(({ id, sightings }) =>
      sightings
        .filter(({ objectKey }) => missing(objectKey))
        .map(({ objectKey }) => ({ about: "machine" as const, id, problem: problem(objectKey) })),
    ),
  ];
}

type Known = Awaited<ReturnType<typeof knownOf>>;

async function knownOf({ fingerprints, machines, uploads }: Omit<Kept, "objects">) {
  const sessions = await uploads.list();
  return {
    uploads: sessions,
    machines: await machines.list(),
    claims: new Map(sessions.map((session) => [session.key, session])),
    fingerprints: new Map((await fingerprints.all()).map((one) => [one.objectKey, one])),
  };
}

async function problemsOf(
  key: string,
  { claims, fingerprints }: Known,
  objects: ObjectStore,
  digest: Digest,
): Promise<readonly string[]> {
  const stored = await objects.get(key);
  if (stored === undefined) return ["it cannot be read as a whole"];
  const checksum = digest(stored.bytes);
  const claim = claims.get(key);
  const compared = fingerprints.get(key);
  const problems: string[] = [];
  if (claim?.bytes != null && claim.bytes !== stored.sizeBytes)
    problems.push(`it has ${stored.sizeBytes} bytes, and ${claim.bytes} were uploaded`);
  if (claim?.checksum != null && claim.checksum.replace(/^sha256:/, "") !== checksum)
    problems.push("it is not what was uploaded: its checksum is another one");
  if (compared !== undefined && compared.checksum !== checksum)
    problems.push("it is not what was compared: its checksum is another one");
  return problems;
}
