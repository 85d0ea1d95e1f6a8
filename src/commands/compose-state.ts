// Where state is stored. Apart from compose.ts, the only file that names concrete adapters.

import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { type FlowName, flowNames } from "../pipeline/contracts/contract.ts";
import { consumersOf } from "../pipeline/delivery/publish.ts";
import type { Message } from "../pipeline/message.ts";
import { once } from "../pipeline/once.ts";
import type { Kept } from "../pipeline/operations/keep-state.ts";
import { allMachines } from "../pipeline/operations/machines.ts";
import type { Clock } from "../pipeline/ports/clock.ts";
import type { Definitions } from "../pipeline/ports/definitions.ts";
import type { Digest } from "../pipeline/ports/digest.ts";
import type { Fingerprints } from "../pipeline/ports/fingerprints.ts";
import type { FlowRetention } from "../pipeline/ports/flow-retention.ts";
import type { Journal, OwedTo } from "../pipeline/ports/journal.ts";
import type { Machines } from "../pipeline/ports/machines.ts";
import type {
  EmbeddedObjectStore,
  ObjectStore,
  UrlSigner,
} from "../pipeline/ports/object-store.ts";
import type { UploadNotes } from "../pipeline/ports/upload-notes.ts";
import type { Uploads } from "../pipeline/ports/uploads.ts";
import type { Cluster } from "./cluster.ts";
import { makeStateDir, unusableDirectory } from "./compose-directory.ts";
import { openTools } from "./compose-tools.ts";
import { noNotes } from "./resumed.ts";
import { inScope, type Scope } from "./scope.ts";

export type Stores = {
  readonly journal: Journal;
  /** The same journal, for removing flows; none if nothing is kept. */
  readonly journals: Kept["journals"];
  readonly taken: Kept["taken"];
  readonly definitions: Definitions;
  readonly uploads: Uploads;
  readonly machines: Machines;
  readonly fingerprints: Fingerprints;
  readonly objects: ObjectStore;
  /** The same, if we serve its URLs ourselves; null: a server elsewhere does. */
  readonly served: EmbeddedObjectStore | null;
  readonly notes: UploadNotes;
};

type StoresWorld = {
  readonly clock: Clock;
  readonly runnerId: string;
  /** Base address of the object store. */
  readonly objectsUrl: () => string;
  /** The embedded transports die with the process: anything their own services have not recorded is owed. */
  readonly owedTo: OwedTo;
  /** How long to wait for a file that another process holds; the wait blocks everything else. */
  readonly busyTimeoutMs: number;
  readonly onUpgrade: OnUpgrade;
  /** Called for background failures, such as a lease that could not be renewed. */
  readonly onError: (error: unknown) => void;
};
export type OpenKept = Kept & {
  readonly objects: ObjectStore;
  readonly clock: Clock;
  readonly digest: Digest;
  /** The file that all flows share: uploads, machines and fingerprints. */
  readonly shared: Pick<FlowRetention, "compact">;
  close(): Promise<void>;
};

/** Called for a file that an earlier version wrote, before it is upgraded. */
export type OnUpgrade = (file: string) => void;

/** Announces something that may take a while. */
export const upgrading = (file: string) =>
  `migrating ${file} to this version; with many thousand flows this takes a while`;

/** All of a pipeline's state: in `stateDir`, or in memory if that is null. */
export async function openStores(
  {
    cluster,
    flow,
    stateDir,
  }: {
    readonly flow: FlowName;
    readonly stateDir: string | null;
    readonly cluster: Cluster | null;
  },
  world: StoresWorld,
  scope: Scope,
): Promise<Stores> {
  const { clock, objectsUrl, owedTo, runnerId } = world;
  const signer = await createSigner(objectsUrl, clock);
  const elsewhere = await openBucket(cluster, clock, scope);
  if (stateDir === null) return openMemoryStores(signer, owedTo, elsewhere);
  const { openSqliteState } = await import("../adapters/sqlite/state.ts");
  await makeStateDir(stateDir);
  const { busyTimeoutMs, onError, onUpgrade } = world;
  const shared = { clock, runnerId, busyTimeoutMs, onUpgrade, onError };
  const state = scope.use(await openSqliteState(join(stateDir, "state.db"), shared));
  // A journal per flow: services of one flow must not finish what a run in the other left behind.
  const file = journalFile(stateDir, flow);
  const { definitions, flows, journal } = scope.use(
    await openSqliteState(file, { ...shared, owedTo }),
  );
  const objects = await chosen(elsewhere, () => openObjects(stateDir, signer));
  const { fingerprints, machines, uploads } = state;
  const journals = new Map([[flow, flows]]);
  const others = flowNames.filter((name) => name !== flow);
  const taken = takenInAll(flows, () => openJournals(stateDir, others, shared, scope));
  const notes = await openNotes(stateDir);
  const records = { journal, journals, taken, definitions, uploads, machines, fingerprints, notes };
  return { ...records, ...objects };
}

/** The context's bucket, if it has one. */
async function openBucket(
  cluster: Pick<Cluster, "s3"> | null,
  clock: Clock,
  scope: Scope,
): Promise<ObjectStore | null> {
  const s3 = cluster?.s3 ?? null;
  return s3 === null ? null : openS3(s3, clock, scope);
}

export async function openS3(
  { ca, ...place }: NonNullable<Cluster["s3"]>,
  clock: Clock,
  scope: Scope,
): Promise<ObjectStore> {
  const { createS3ObjectStore } = await import("../adapters/s3/object-store.ts");
  const own = { createsBucket: true, clock, ...(ca === null ? {} : { ca }) };
  return scope.use(await createS3ObjectStore({ ...place, ...own }));
}

async function openObjects(stateDir: string, signer: UrlSigner): Promise<EmbeddedObjectStore> {
  const { createFilesystemObjectStore } = await import("../adapters/filesystem/object-store.ts");
  return createFilesystemObjectStore({ directory: join(stateDir, "objects"), signer });
}

/** Those elsewhere, or our own, which we serve. */
async function chosen(
  elsewhere: ObjectStore | null,
  openOwn: () => EmbeddedObjectStore | Promise<EmbeddedObjectStore>,
): Promise<Pick<Stores, "objects" | "served">> {
  if (elsewhere !== null) return { objects: elsewhere, served: null };
  const served = await openOwn();
  return { objects: served, served };
}

/** Uploads of all flows share a file; their records are in each flow's own journal. */
function takenInAll(
  own: FlowRetention,
  openOthers: () => Promise<ReadonlyMap<string, FlowRetention>>,
): Kept["taken"] {
  const others = once(openOthers);
  return async (messageId) =>
    (await own.taken(messageId)) ?? takenIn((await others.get()).values(), messageId);
}

async function takenIn(
  journals: Iterable<FlowRetention>,
  messageId: string,
): Promise<Message | undefined> {
  for (const journal of journals) {
    const message = await journal.taken(messageId);
    if (message !== undefined) return message;
  }
  return undefined;
}

type JournalOptions = Pick<StoresWorld, "clock" | "runnerId" | "onUpgrade"> &
  Partial<Pick<StoresWorld, "onError" | "busyTimeoutMs">>;

/** The ones that exist. */
async function openJournals(
  stateDir: string,
  flows: readonly FlowName[],
  options: JournalOptions,
  scope: Scope,
): Promise<ReadonlyMap<string, FlowRetention>> {
  const { existsSync } = await import("node:fs");
  const { openSqliteState } = await import("../adapters/sqlite/state.ts");
  const journals = new Map<string, FlowRetention>();
  for (const flow of flows) {
    const file = journalFile(stateDir, flow);
    if (!existsSync(file)) continue;
    // Owed to the same consumers as when the pipeline runs: open work must not look finished.
    const owedTo: OwedTo = (message) => consumersOf(message, flow);
    const { flows } = scope.use(await openSqliteState(file, { ...options, owedTo }));
    journals.set(flow, flows);
  }
  return journals;
}

const notesDirectory = (stateDir: string) => join(stateDir, "under-way");

/** Of the uploads in progress; null: nothing is kept. */
export async function openNotes(stateDir: string | null): Promise<UploadNotes> {
  if (stateDir === null) return noNotes;
  const { createUploadNotes } = await import("../adapters/filesystem/upload-notes.ts");
  return createUploadNotes(notesDirectory(stateDir));
}

/** The pictures of the flows in progress. */
export async function removeNotes(stateDir: string): Promise<void> {
  const { rm } = await import("node:fs/promises");
  await rm(notesDirectory(stateDir), { recursive: true, force: true });
}

const journalFile = (stateDir: string, flow: FlowName) => join(stateDir, `flow-${flow}.db`);

/** URLs are signed with a secret of this process: they become invalid when it exits. */
async function createSigner(baseUrl: () => string, clock: Clock) {
  const { createUrlSigner } = await import("../adapters/signing/url-signer.ts");
  return createUrlSigner({ baseUrl, secret: randomBytes(32), clock });
}

/** Others use the bucket too: what is there is not ours to remove, however old our records of it are. */
export function neverRemoved(objects: ObjectStore): ObjectStore {
  return { ...objects, list: async () => [], delete: async () => undefined };
}

/** Of a bucket that others use too, what this state refers to. */
function referredTo(
  bucket: ObjectStore,
  { machines, uploads }: { readonly machines: Machines; readonly uploads: Uploads },
): ObjectStore {
  const list = async () => {
    const confirmed = (await uploads.list()).filter(({ status }) => status === "Uploaded");
    const keys = new Set(confirmed.map(({ key }) => key));
    for await (const { sightings } of allMachines(machines))
      for (const { objectKey } of sightings) keys.add(objectKey);
    const found = await Promise.all([...keys].map((key) => bucket.stat(key)));
    return found.filter((object) => object !== undefined);
  };
  return { ...neverRemoved(bucket), list };
}

/**
 * The content of a state directory, for inspection and removal; with the bucket of `cluster` where pictures are read.
 * Null: there is none yet.
 */
export async function openKept(
  stateDir: string,
  onUpgrade: OnUpgrade,
  cluster: Pick<Cluster, "s3"> | null = null,
): Promise<OpenKept | null> {
  if (!(await holdsState(stateDir))) return null;
  return inScope((scope) => openAll(stateDir, onUpgrade, cluster, scope));
}

async function openAll(
  stateDir: string,
  onUpgrade: OnUpgrade,
  cluster: Pick<Cluster, "s3"> | null,
  scope: Scope,
): Promise<Omit<OpenKept, "close">> {
  const { sha256: digest } = await import("../adapters/memory/ids.ts");
  const { openSqliteState } = await import("../adapters/sqlite/state.ts");
  const { clock, ids } = await openTools();
  const options = { clock, runnerId: "state", onUpgrade };
  const state = scope.use(await openSqliteState(join(stateDir, "state.db"), options));
  const { fingerprints, flows: shared, machines, uploads } = state;
  const journals = await openJournals(stateDir, flowNames, options, scope);
  const signer = await createSigner(() => "", clock); // no URLs are requested
  const bucket = await openBucket(cluster, clock, scope);
  const objects = bucket === null ? await openObjects(stateDir, signer) : referredTo(bucket, state);
  const taken = (messageId: string) => takenIn(journals.values(), messageId);
  const { openSeen } = await import("./compose-seen.ts");
  const seen = scope.use(await openSeen(stateDir));
  const stores = { journals, uploads, machines, fingerprints, objects, shared, seen };
  return { ...stores, taken, ids, clock, digest };
}

/**
 * Of all files in a directory and below it; 0 if there is none. Without SQLite's shared memory: it holds nothing, and
 * is removed when the last process closes the file.
 */
export async function sizeOfFiles(directory: string): Promise<number> {
  const { sizeOfFiles } = await import("../adapters/filesystem/directories.ts");
  return sizeOfFiles(directory, (name) => !name.endsWith("-shm"));
}

/** Throws E_STATE_UNUSABLE if it is not a directory, and E_STATE_UNWRITABLE if it may not be read. */
async function holdsState(stateDir: string): Promise<boolean> {
  const { readdir } = await import("node:fs/promises");
  try {
    const files = [
      join(stateDir, "state.db"),
      ...flowNames.map((flow) => journalFile(stateDir, flow)),
    ];
    return (await readdir(stateDir)).some((name) => files.includes(join(stateDir, name)));
  } catch (error) {
    const { codeOf } = await import("../adapters/sqlite/state-error.ts");
    if (codeOf(error) === "ENOENT") return false;
    throw await unusableDirectory(stateDir, error, "name the state directory with --state-dir");
  }
}

/** The machines alone, for inspection. A directory that does not exist yet has none. */
export async function openMachines(
  stateDir: string,
  onUpgrade: OnUpgrade,
): Promise<{ machines: Machines; close(): Promise<void> }> {
  if (!(await holdsState(stateDir))) {
    const { createMemoryMachines } = await import("../adapters/memory/machines.ts");
    return { machines: createMemoryMachines(), close: async () => undefined };
  }
  const { createSystemClock } = await import("../adapters/memory/clock.ts");
  const { openSqliteState } = await import("../adapters/sqlite/state.ts");
  const file = join(stateDir, "state.db");
  return openSqliteState(file, { clock: createSystemClock(), runnerId: "machines", onUpgrade });
}

async function openMemoryStores(
  signer: UrlSigner,
  owedTo: OwedTo,
  elsewhere: ObjectStore | null,
): Promise<Stores> {
  const { createMemoryDefinitions } = await import("../adapters/memory/definitions.ts");
  const { createMemoryJournal } = await import("../adapters/memory/journal.ts");
  const { createMemoryUploads } = await import("../adapters/memory/uploads.ts");
  const { createMemoryMachines } = await import("../adapters/memory/machines.ts");
  const { createMemoryFingerprints } = await import("../adapters/memory/fingerprints.ts");
  const { createMemoryObjectStore } = await import("../adapters/memory/object-store.ts");
  return {
    journal: createMemoryJournal({ owedTo }),
    journals: new Map(),
    taken: async () => undefined,
    definitions: createMemoryDefinitions(),
    uploads: createMemoryUploads(),
    machines: createMemoryMachines(),
    fingerprints: createMemoryFingerprints(),
    ...(await chosen(elsewhere, () => createMemoryObjectStore({ signer }))),
    notes: noNotes,
  };
}
