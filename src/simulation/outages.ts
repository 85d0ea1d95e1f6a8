import { TuError } from "../pipeline/errors.ts";
import type { Transport } from "../pipeline/ports/transport.ts";
import type { Nature } from "./faults.ts";
import type { Life } from "./scheduler.ts";

const supervisor: Life = { alive: true };
/** Nobody watches the connection in the simulation, and nobody closes it: a crash does. */
export const unwatched: Transport = {
  onState: () => () => undefined,
  close: async () => undefined,
};

export type Outages = ReturnType<typeof createOutages>;

/** Now and then a broker is gone for all; what was delivered before is then nobody's. */
export function createOutages(
  nature: Nature,
  onLost: () => void,
  onBack: () => void = () => undefined,
) {
  let isLost = false;
  let epoch = 0;
  const unavailable = () => new TuError("E_SERVICE_UNAVAILABLE", "the simulated broker is away");
  return {
    isLost: () => isLost,
    requireUp() {
      if (isLost) throw unavailable();
    },
    hold() {
      const held = epoch;
      return () => {
        if (isLost || held !== epoch) throw unavailable();
      };
    },
    maybe() {
      if (isLost || nature.random() >= nature.weather().outage) return;
      nature.ledger.note("transport");
      isLost = true;
      epoch += 1;
      onLost();
      void nature.scheduler.after(supervisor, nature.random() * 3000).then(() => {
        isLost = false;
        onBack();
      });
    },
  };
}
