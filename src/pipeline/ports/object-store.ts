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

/** What a list says: object storage lists no content types. */
export type ListedObject = Omit<StoredObject, "contentType">;

/** Objects, and URLs that give temporary access to one of them. */
export interface ObjectStore {
  /**
   * Durable when it resolves; never visible half-written. Objects are immutable: of concurrent puts the first wins,
   * putting the same bytes again changes nothing (the first content type stays), and other bytes throw
   * E_OBJECT_EXISTS until the object is deleted. Throws E_OBJECT_KEY_INVALID, also for a valid key for which this
   * store has no place.
   */
  put(key: string, bytes: Uint8Array, options: { contentType: string }): Promise<StoredObject>;
  get(key: string): Promise<(StoredObject & { readonly bytes: Uint8Array }) | undefined>;
  stat(key: string): Promise<StoredObject | undefined>;
  delete(key: string): Promise<void>;
  /** Sorted by key. */
  list(): Promise<readonly ListedObject[]>;
  /**
   * `url` is absolute; `expiresAt` ISO 8601, UTC. The signature covers method, key, expiry and content type. Throws
   * E_OBJECT_KEY_INVALID, and E_USAGE for a lifetime beyond 1 to 3600 seconds or a content type that no header can
   * carry.
   */
  presign(request: PresignRequest): { readonly url: string; readonly expiresAt: string };
}

/** For a store whose URLs lead to us. Elsewhere the server of the objects decides. */
export interface SignedRequests {
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

/** A store that we keep and serve ourselves. Identical bytes are stored once, for as long as a key refers to them. */
export type EmbeddedObjectStore = ObjectStore & SignedRequests;

/** Creates and checks the URLs of such a store. */
export type UrlSigner = Pick<EmbeddedObjectStore, "presign" | "authorize">;
