export type StoredObject = {
  readonly key: string;
  readonly contentType: string;
  readonly sizeBytes: number;
};

export type PresignRequest = {
  readonly method: "GET" | "PUT";
  readonly key: string;
  /** Bound into the signature of a PUT; empty for a GET. */
  readonly contentType: string;
  readonly expiresInSeconds: number;
};

/** Objects and the URLs that give access to one of them for a while. */
export interface ObjectStore {
  /**
   * Durable when it resolves; never visible half-written. An object never changes: of puts at once the
   * first wins, the same bytes again change nothing (the first content type stays), and other bytes throw
   * E_OBJECT_EXISTS until the object is deleted. Equal bytes are stored once, for as long as a key needs
   * them. Throws E_OBJECT_KEY_INVALID.
   */
  put(key: string, bytes: Uint8Array, options: { contentType: string }): Promise<StoredObject>;
  get(key: string): Promise<(StoredObject & { readonly bytes: Uint8Array }) | undefined>;
  stat(key: string): Promise<StoredObject | undefined>;
  delete(key: string): Promise<void>;
  list(): Promise<readonly StoredObject[]>;
  /** `url` is absolute; `expiresAt` ISO 8601, UTC. The signature covers method, key, expiry and content type. */
  presign(request: PresignRequest): { readonly url: string; readonly expiresAt: string };
  /** Whether a request that came in may be served: the key, or why not. Any change to a signed URL is refused. */
  authorize(request: {
    readonly method: string;
    /** Path and query as they came in. */
    readonly target: string;
    readonly contentType: string;
  }):
    | { readonly allowed: true; readonly key: string }
    | { readonly allowed: false; readonly reason: "expired" | "signature" | "malformed" };
}
