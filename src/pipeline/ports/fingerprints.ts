/** A photograph, whatever the objects that hold it. */
export type Picture = {
  /** SHA-256 of the file, lower-case hex. */
  readonly checksum: string;
  /** Perceptual hash, 256 bits as 64 lower-case hex digits. */
  readonly perceptualHash: string;
};

/** What the comparison remembers of an object. */
export type Fingerprint = Picture & { readonly objectKey: string };

export interface Fingerprints {
  /** Idempotent by object key: an object has one, the last. */
  save(fingerprint: Fingerprint): Promise<void>;
  find(objectKey: string): Promise<Fingerprint | undefined>;
  /** The pictures of the same file or within so many bits, each once, in no particular order. */
  near(picture: Picture, bitsMax: number): Promise<readonly Picture[]>;
  /** Unknown keys are ignored. */
  remove(objectKeys: readonly string[]): Promise<void>;
}
