import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import type { Journal } from "../ports/journal.ts";
import type { Reporter } from "../ports/reporter.ts";
import type { Timers } from "../ports/timers.ts";
import type { FlowLinks } from "./flow-links.ts";
import type { Relay } from "./relay.ts";

/** What the shell around a service needs. */
export type ShellPorts = {
  readonly journal: Journal;
  readonly timers: Timers;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly reporter: Reporter;
  /** Shared by all services of this process. */
  readonly links: FlowLinks;
  readonly relay: Pick<Relay, "dispatch" | "heldMs" | "doubt" | "wasDoubted">;
  /** The transports end with this process: messages are handed on before their record is on disk. */
  readonly handsOnEarly: boolean;
};
