// What was seen of flows, in the state directory. Names adapters, like compose.ts.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { once } from "../pipeline/once.ts";
import { createSeenKeeper } from "../pipeline/operations/keep-seen.ts";
import type { Kept } from "../pipeline/operations/keep-state.ts";
import type { Clock } from "../pipeline/ports/clock.ts";
import type { FlowStore } from "../pipeline/ports/flow-store.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import type { Observing } from "../pipeline/trace/seen.ts";
import type { Scope } from "./scope.ts";

const seenFile = (stateDir: string) => join(stateDir, "seen.db");

/** A writer waits for another this long, and everything else in this process with it. */
const busyTimeoutMs = 250;

type OpenStore = FlowStore & { close(): Promise<void> };

/** Makes it if there is none. Throws as `openSeen`. */
export async function openStore(stateDir: string): Promise<OpenStore> {
  const { makeStateDir } = await import("./compose-directory.ts");
  const { openSqliteFlowStore } = await import("../adapters/sqlite/flow-store.ts");
  await makeStateDir(stateDir);
  return openSqliteFlowStore(seenFile(stateDir), busyTimeoutMs);
}

/** Throws E_STATE_UNUSABLE, E_STATE_NEWER, E_STATE_BUSY, E_STATE_UNWRITABLE. A directory without one has no flows. */
export async function openSeen(stateDir: string): Promise<OpenStore> {
  if (existsSync(seenFile(stateDir))) return openStore(stateDir);
  const { createMemoryFlowStore } = await import("../adapters/memory/flow-store.ts");
  return { ...createMemoryFlowStore(), close: async () => undefined };
}

export type KeepingSeen = {
  /** Keeps what passes it. */
  readonly reporter: Reporter;
  /** Resolves when what passed it so far is kept, or could not be. */
  flush(): Promise<void>;
  readonly seen: Kept["seen"];
};

/** Null: nothing is kept. */
export function keepingSeen(
  stateDir: string | null,
  ports: { readonly observing: Observing; readonly clock: Clock; readonly next: Reporter },
  scope: Scope,
): KeepingSeen {
  if (stateDir === null)
    return { reporter: ports.next, flush: async () => undefined, seen: nothingSeen };
  const store = once(() => openStore(stateDir));
  const keeper = createSeenKeeper({ ...ports, store });
  scope.defer(async () => {
    await keeper.close();
    const notOpened = () => undefined; // a notice has said so
    await store.opened()?.then((opened) => opened.close(), notOpened);
  });
  const seen: Kept["seen"] = {
    count: async () => (await store.get()).count(),
    remove: async (flowIds) => (await store.get()).remove(flowIds),
    prune: async (limits) => (await store.get()).prune(limits),
    clear: async () => (await store.get()).clear(),
    compact: async () => (await store.get()).compact(),
  };
  const { flush, reporter } = keeper;
  return { reporter, flush, seen };
}

const nothingSeen: Kept["seen"] = {
  count: async () => ({ running: 0, completed: 0, failed: 0 }),
  remove: async () => undefined,
  prune: async () => 0,
  clear: async () => undefined,
  compact: async () => undefined,
};
