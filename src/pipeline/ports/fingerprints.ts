/** A photograph, regardless of which objects hold it. */
export type Picture = {
  /** SHA-256 of the file, lower-case hex. */
  readonly checksum: string;
  /** Perceptual hash, 256 bits as 64 lower-case hex digits. */
  readonly perceptualHash: string;
};

/** What the comparison stores about an object. */
export type Fingerprint = Picture & { readonly objectKey: string };

export interface Fingerprints {
  /** An upsert by object key: the last one wins. */
  save(fingerprint: Fingerprint): Promise<void>;
  find(objectKey: string): Promise<Fingerprint | undefined>;
  /** Pictures with the same checksum or within `bitsMax` bits, each once, unordered. */
  near(picture: Picture, bitsMax: number): Promise<readonly Picture[]>;
  /** Unknown keys are ignored. */
  remove(objectKeys: readonly string[]): Promise<void>;
}
