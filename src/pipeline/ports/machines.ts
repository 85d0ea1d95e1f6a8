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
  /** Machines that may be the same as this one; a person has to decide. */
  readonly resembles: readonly { readonly machineId: string; readonly score: number }[];
};

/**
 * What svc-machine-storage saves for one analysis. Among observations of one machine, the one with the highest
 * confidence gives brand, type, model, name and confidence (the first saved if tied); a resemblance has its latest
 * score; of two with the same `sighting.flowId` the second is ignored.
 */
export type MachineObservation = {
  /** The machine to update or create. A machine with the same picture takes precedence. */
  readonly machineId: string;
  /** SHA-256 of the picture, lower-case hex; null if not computed. */
  readonly checksum: string | null;
  readonly brand: string | null;
  readonly type: string | null;
  readonly model: string | null;
  readonly name: string;
  readonly confidence: number;
  readonly sighting: Sighting;
  readonly resembles: readonly { readonly machineId: string; readonly score: number }[];
};

/** A machine without its sightings. */
export type MachineSummary = Omit<Machine, "sightings">;

export interface Machines {
  /**
   * Creates the machine or adds the sighting to it, and returns its id. Idempotent by `sighting.flowId`. One
   * picture is one machine: an observation whose checksum is already stored belongs to that machine, whatever its
   * own `machineId`, which was determined before both were stored.
   */
  save(observation: MachineObservation): Promise<string>;
  find(id: string): Promise<Machine | undefined>;
  /** Ids that start with `prefix`, for abbreviated ids on the command line. */
  idsWith(prefix: string): Promise<readonly string[]>;
  findByObjectKey(objectKey: string): Promise<Machine | undefined>;
  /** The machine seen in the same picture under another key. `checksum` as in an observation. */
  ofPicture(checksum: string, exceptKey: string): Promise<MachineSummary | undefined>;
  /** Machines of exactly that model, of any brand, ordered by id. */
  ofModel(model: string, page: MachinePage): Promise<readonly MachineSummary[]>;
  /** Most recently seen first, ties ordered by id. */
  list(page: { readonly after?: Machine; readonly limit: number }): Promise<readonly Machine[]>;
  count(): Promise<{ readonly machines: number; readonly sightings: number }>;
  /** Removes every machine. */
  clear(): Promise<void>;
}

/** At most `limit` machines after the id `after`. */
export type MachinePage = { readonly after: string | null; readonly limit: number };
