/** One photograph in which a machine was seen. */
export type Sighting = {
  readonly flowId: string;
  readonly objectKey: string;
  /** ISO 8601, UTC. */
  readonly seenAt: string;
  readonly verdict: "new" | "known" | "ambiguous";
};

export type Machine = {
  readonly id: string;
  readonly brand: string | null;
  readonly type: string | null;
  readonly model: string | null;
  readonly name: string;
  readonly confidence: number;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  /** Oldest first. */
  readonly sightings: readonly Sighting[];
  /** Machines that this one may be the same as; a person has to say. */
  readonly resembles: readonly { readonly machineId: string; readonly score: number }[];
};

/**
 * What svc-machine-storage saves for one analysis. Of several of one machine the one with the highest
 * confidence gives brand, type, model, name and confidence, the first saved of equals; a resemblance
 * has its latest score; of two with the same `sighting.flowId` the first counts and the second is ignored.
 */
export type MachineObservation = {
  /** The machine to be added to, or created. The machine of the same picture goes before it. */
  readonly machineId: string;
  /** SHA-256 of the picture, lower-case hex; null when nobody computed it. */
  readonly checksum: string | null;
  readonly brand: string | null;
  readonly type: string | null;
  readonly model: string | null;
  readonly name: string;
  readonly confidence: number;
  readonly sighting: Sighting;
  readonly resembles: readonly { readonly machineId: string; readonly score: number }[];
};

/** What a machine is, without where it was seen. */
export type MachineSummary = Omit<Machine, "sightings">;

export interface Machines {
  /**
   * Creates the machine or adds the sighting to it, and gives its id. Idempotent by `sighting.flowId`. One
   * picture is one machine: an observation with the checksum of an earlier one belongs to that one's machine,
   * whatever its own `machineId` says, for that was found before both were stored.
   */
  save(observation: MachineObservation): Promise<string>;
  find(id: string): Promise<Machine | undefined>;
  /** Ids that start with `prefix`, for shortened ids on the command line. */
  idsWith(prefix: string): Promise<readonly string[]>;
  findByObjectKey(objectKey: string): Promise<Machine | undefined>;
  /** The machine of a picture that it was seen in under another key. `checksum` like an observation's. */
  ofPicture(checksum: string, exceptKey: string): Promise<MachineSummary | undefined>;
  /** Those of exactly that model, whatever the brand, in the order of their ids. */
  ofModel(model: string, page: MachinePage): Promise<readonly MachineSummary[]>;
  /** Most recently seen first, of equals in the order of their ids. */
  list(page: { readonly after?: Machine; readonly limit: number }): Promise<readonly Machine[]>;
  count(): Promise<{ readonly machines: number; readonly sightings: number }>;
  /** Removes all. */
  clear(): Promise<void>;
}

/** At most `limit` of those behind the id `after`. */
export type MachinePage = { readonly after: string | null; readonly limit: number };
