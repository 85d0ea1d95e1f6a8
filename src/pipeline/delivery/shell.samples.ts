import type { Message } from "../message.ts";
import type { ShellPorts } from "./shell.ts";

/** Timers that never fire. */
export const idleTimers: ShellPorts["timers"] = {
  schedule: () => undefined,
  cancelFlow: () => undefined,
  consume: () => ({ close: async () => undefined }),
};

/** A relay whose transports take everything immediately. */
export function takingRelay(onTaken: (messages: readonly Message[]) => void): ShellPorts["relay"] {
  return {
    dispatch: async ({ outgoing }) => onTaken(outgoing),
    heldMs: () => 0,
    doubt: () => undefined,
    wasDoubted: () => false,
  };
}

/** Accepts the flow that each message names, or that its key determines. */
export const believing: ShellPorts["links"] = {
  note: () => undefined,
  named: () => undefined,
  giveUp: () => undefined,
  linked: async (message) => message,
  isInDoubt: () => false,
};
