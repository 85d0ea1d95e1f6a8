/** SHA-256 in lower-case hex, without a prefix. */
export type Digest = (bytes: Uint8Array) => string;
