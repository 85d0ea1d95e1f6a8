/** Definitions that flows have pinned, stored for as long as the state exists. */
export interface Definitions {
  /** Idempotent. A pin identifies its content: what is stored under it never changes. */
  keep(pin: string, definition: unknown): Promise<void>;
  /** `id@version` without a hash finds any definition of that version. */
  find(pin: string): Promise<unknown>;
}
