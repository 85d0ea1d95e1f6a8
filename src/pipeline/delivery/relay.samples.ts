import type { Message } from "../message.ts";
import type { ShellPorts } from "./shell.ts";

/** A relay whose transports take everything at once. */
export function takingRelay(onTaken: (messages: readonly Message[]) => void): ShellPorts["relay"] {
  return {
    send: async ({ outgoing }) => onTaken(outgoing),
    heldMs: () => 0,
    doubt: () => undefined,
    wasDoubted: () => false,
  };
}
