export type StoredObject = {
  readonly key: string;
  readonly contentType: string;
  readonly sizeBytes: number;
};

export type PresignRequest = {
  readonly method: "GET" | "PUT";
  readonly key: string;
  /** Part of the signature of a PUT; empty for a GET. */
  readonly contentType: string;
  readonly expiresInSeconds: number;
};

/** Objects, and URLs that give temporary access to one of them. */
export interface ObjectStore {
  /**
   * Durable when it resolves; never visible half-written. Objects are immutable: of concurrent puts the first wins,
   * putting the same bytes again changes nothing (the first content type stays), and other bytes throw
   * E_OBJECT_EXISTS until the object is deleted. Identical bytes are stored once, for as long as a key refers to
   * them. Throws E_OBJECT_KEY_INVALID.
   */
  put(key: string, bytes: Uint8Array, options: { contentType: string }): Promise<StoredObject>;
  get(key: string): Promise<(StoredObject & { readonly bytes: Uint8Array }) | undefined>;
  stat(key: string): Promise<StoredObject | undefined>;
  delete(key: string): Promise<void>;
  list(): Promise<readonly StoredObject[]>;
  /** `url` is absolute; `expiresAt` ISO 8601, UTC. The signature covers method, key, expiry and content type. */
  presign(request: PresignRequest): { readonly url: string; readonly expiresAt: string };
  /**
   * Whether to serve an incoming request: the key, or the reason for refusing it. Any change to a signed URL is
   * refused.
   */
  authorize(request: {
    readonly method: string;
    /** Path and query as received. */
    readonly target: string;
    readonly contentType: string;
  }):
    | { readonly allowed: true; readonly key: string }
    | { readonly allowed: false; readonly reason: "expired" | "signature" | "malformed" };
}
