export interface Ids {
  /** A new UUIDv7 (RFC 9562). */
  create(): string;
  /** The same UUIDv7-shaped id for the same parent and discriminator, always and everywhere. */
  derive(parentId: string, discriminator: string): string;
}
