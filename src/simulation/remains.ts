import type { Flow } from "../pipeline/flows/flow.ts";
import type { Message } from "../pipeline/message.ts";
import type { Publication } from "../pipeline/ports/broker.ts";
import type { LogRecord } from "../pipeline/ports/event-log.ts";
import type { JournalEntry } from "../pipeline/ports/journal.ts";
import type { Machine } from "../pipeline/ports/machines.ts";
import type { ClientStory } from "./client.ts";
import type { Ledger } from "./ledger.ts";
import type { Poison } from "./poison.ts";

/** An entry, and when it was recorded. */
export type Recorded = JournalEntry & { readonly atMs: number };

/** What a client received, and whether it was certain to be on the disk by then. */
export type Told = Message & { readonly isOnDisk: boolean };

/** What is left when a run has come to rest. */
export type Remains = {
  readonly flow: Flow;
  readonly clients: readonly ClientStory[];
  readonly histories: ReadonlyMap<string, readonly Recorded[]>;
  readonly machines: readonly Machine[];
  readonly taken: readonly Publication[];
  readonly appended: readonly LogRecord[];
  /** Messages injected by a foreign client, which no consumer can process. */
  readonly poisons: readonly Poison[];
  /** The events that clients received. */
  readonly told: readonly Told[];
  /** The faults of the run. */
  readonly ledger: Ledger;
  /** No faults are injected after this time. */
  readonly stormEndMs: number;
  /** Whether virtual time ran out before the run came to rest. */
  readonly timedOut: boolean;
};
