export interface Ids {
  /** A new UUIDv7 (RFC 9562). */
  create(): string;
  /** Deterministic: the same parent and discriminator always give the same UUIDv7-shaped id, in every process. */
  derive(parentId: string, discriminator: string): string;
}
