import { TuError } from "../pipeline/errors.ts";
import type { Transport } from "../pipeline/ports/transport.ts";
import type { Nature } from "./faults.ts";
import type { Life } from "./scheduler.ts";

const supervisor: Life = { alive: true };
/** In the simulation connections are neither watched nor closed; crashes end them. */
export const unwatched: Transport = {
  onState: () => () => undefined,
  close: async () => undefined,
};

export type Outages = ReturnType<typeof createOutages>;

/** Occasionally a broker becomes unavailable to all; its earlier deliveries then no longer belong to any process. */
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
