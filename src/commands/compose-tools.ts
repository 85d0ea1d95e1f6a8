// What any command needs of the world. Names adapters, like compose.ts.

import type { Clock } from "../pipeline/ports/clock.ts";
import type { Ids } from "../pipeline/ports/ids.ts";

export async function openTools(): Promise<{ readonly clock: Clock; readonly ids: Ids }> {
  const { createSystemClock } = await import("../adapters/memory/clock.ts");
  const { createRandomIds } = await import("../adapters/memory/ids.ts");
  const clock = createSystemClock();
  return { clock, ids: createRandomIds(clock) };
}
