import type { Nature } from "./faults.ts";
import type { Process } from "./process.ts";
import type { Life } from "./scheduler.ts";

const crashesMax = 6;

/** Kills processes at random. A cluster's broker survives, an embedded one dies with its process. */
export function createCrashes(
  nature: Nature,
  isCluster: boolean,
  { died, restart }: { readonly died: (process: Process) => void; readonly restart: () => void },
) {
  let count = 0;
  const supervisor: Life = { alive: true };
  return {
    maybe(processes: Process[]) {
      if (count >= crashesMax || nature.random() >= nature.weather().crash) return;
      const victim = processes[Math.floor(nature.random() * processes.length)];
      if (victim === undefined) return;
      count += 1;
      nature.ledger.note("crash");
      victim.life.alive = false;
      processes.splice(processes.indexOf(victim), 1);
      died(victim);
      const downMs = isCluster ? nature.random() * 2000 : nature.random() * 200;
      void nature.scheduler.after(supervisor, downMs).then(restart);
    },
    get count() {
      return count;
    },
  };
}
