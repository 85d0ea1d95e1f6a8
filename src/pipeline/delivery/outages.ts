import type { Clock } from "../ports/clock.ts";

/** The periods in which nothing could be sent. */
export type Outages = {
  begin(): void;
  end(): void;
  isOn(): boolean;
  /** The total outage since then, in milliseconds. */
  ms(sinceMs: number): number;
};

const outagesMax = 100;

export function createOutages({ nowMs }: Pick<Clock, "nowMs">): Outages {
  const all: { readonly fromMs: number; toMs: number | null }[] = [];
  const isOn = () => all.at(-1)?.toMs === null;
  return {
    begin() {
      if (isOn()) return;
      all.push({ fromMs: nowMs(), toMs: null });
      if (all.length > outagesMax) all.shift();
    },
    end() {
      const last = all.at(-1);
      if (last !== undefined) last.toMs ??= nowMs();
    },
    isOn,
    ms: (sinceMs) =>
      all
        .map(({ fromMs, toMs }) => (toMs ?? nowMs()) - Math.max(fromMs, sinceMs))
        .reduce((sum, ms) => sum + Math.max(0, ms), 0),
  };
}
