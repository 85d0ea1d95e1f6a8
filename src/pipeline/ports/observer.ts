import type { StoredWire } from "../delivery/stored-wire.ts";
import type { Machine } from "./machines.ts";
import type { Destination, Sent } from "./publisher.ts";
import type { Hop } from "./reporter.ts";

/** What another command on this machine may ask of a running pipeline. */
export interface Observer {
  /**
   * The hops of a flow after the first `known`, in the order they were seen; waits up to `waitMs` if there are none
   * yet. Throws E_SERVICE_UNAVAILABLE, or the signal's reason.
   */
  hops(
    flowId: string,
    options: { readonly known: number; readonly waitMs: number; readonly signal: AbortSignal },
  ): Promise<readonly Hop[]>;
  /** Sends a message on its transports, as a `Publisher` does. Throws what that throws. */
  publish(destination: Destination, wire: StoredWire): Promise<Sent>;
  /** The machine that was seen in this picture. Throws E_SERVICE_UNAVAILABLE. */
  machineOf(objectKey: string): Promise<Machine | undefined>;
}
