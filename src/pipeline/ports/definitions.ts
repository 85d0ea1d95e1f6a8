/** Definitions that instances have pinned, for as long as the state lives. */
export interface Definitions {
  /** Idempotent. A pin names its content: what is kept under it never changes. */
  keep(pin: string, definition: unknown): Promise<void>;
  /** `id@version` without a hash finds one of that version. */
  find(pin: string): Promise<unknown>;
}
