import { TuError } from "../pipeline/errors.ts";
import type { Ledger } from "./ledger.ts";
import type { Life, Random, Scheduler } from "./scheduler.ts";
import type { Wall } from "./wall.ts";

/** What the simulated world may do to a message or a call, as probabilities per step. */
export type Weather = {
  readonly crash: number;
  /** A call or publication that never arrives. */
  readonly lose: number;
  /** One that arrives, but whose response or confirm is lost. */
  readonly loseAnswer: number;
  readonly duplicate: number;
  /** A broker outage, which takes its unsettled deliveries with it. */
  readonly outage: number;
  readonly reorder: boolean;
  readonly slowestMs: number;
  /** A failure of the vision provider, per attempt. */
  readonly visionFails: number;
  /** A store that another process has locked, before or after the requested effect. */
  readonly storeBusy: number;
  /** A store that takes several times as long. */
  readonly storeSlow: number;
  /** Nothing can be written. */
  readonly isFull: boolean;
  /** The object store takes pictures, and gives none. */
  readonly isUnreadable: boolean;
  /** A change of the clock. */
  readonly clockSet: number;
};

const calm: Weather = {
  crash: 0,
  lose: 0,
  loseAnswer: 0,
  duplicate: 0,
  outage: 0,
  reorder: false,
  slowestMs: 5,
  visionFails: 0,
  storeBusy: 0,
  storeSlow: 0,
  isFull: false,
  isUnreadable: false,
  clockSet: 0,
};

/** The weather, by the time since the start. */
export type Forecast = (sinceMs: number) => Weather;

export const stormMs = 20_000;

/** Bad weather, then calm. In the midst of it the disk may be full for a while, and the object store unreadable. */
export function forecastOf(random: Random): Forecast {
  const storm = stormOf(random);
  const full = spellOf(random, { chance: 0.3, latestMs: stormMs, minMs: 500, maxMs: 6500 });
  // Long enough to use up attempts, each of which waits for 10 s.
  const unreadable = spellOf(random, { chance: 0.2, latestMs: 6000, minMs: 11_000, maxMs: 20_000 });
  return (sinceMs) => {
    if (sinceMs >= stormMs) return calm;
    const isFull = isWithin(full, sinceMs);
    const isUnreadable = isWithin(unreadable, sinceMs);
    return isFull || isUnreadable ? { ...storm, isFull, isUnreadable } : storm;
  };
}

/** A trouble that lasts for a while, at most until the storm ends. */
type Spell = { readonly fromMs: number; readonly toMs: number };

function spellOf(
  random: Random,
  of: Readonly<Record<"chance" | "latestMs" | "minMs" | "maxMs", number>>,
): Spell {
  const fromMs = random() < of.chance ? random() * of.latestMs : stormMs;
  return { fromMs, toMs: fromMs + of.minMs + random() * (of.maxMs - of.minMs) };
}

function isWithin({ fromMs, toMs }: Spell, sinceMs: number): boolean {
  return sinceMs >= fromMs && sinceMs < toMs;
}

function stormOf(random: Random): Weather {
  return {
    crash: random() < 0.8 ? 0.004 + random() * 0.02 : 0,
    lose: random() * 0.06,
    loseAnswer: random() * 0.06,
    duplicate: random() * 0.15,
    outage: random() < 0.5 ? random() * 0.003 : 0,
    reorder: random() < 0.7,
    slowestMs: 5 + random() * 400,
    visionFails: random() * 0.5,
    storeBusy: random() < 0.5 ? random() * 0.05 : 0,
    storeSlow: random() < 0.3 ? random() * 0.1 : 0,
    isFull: false,
    isUnreadable: false,
    clockSet: random() < 0.4 ? random() * 0.015 : 0,
  };
}

/** One process's access to the simulated world: everything it awaits goes through `io`. */
export type Nature = {
  readonly scheduler: Scheduler;
  readonly random: Random;
  /** Records every fault of the run. */
  readonly ledger: Ledger;
  readonly wall: Wall;
  weather(): Weather;
};

/** Waits, applies the effect, waits again: a crash can hit before the effect, or between effect and response. */
export async function io<T>(nature: Nature, life: Life, effect: () => T | Promise<T>): Promise<T> {
  await pause(nature, life);
  const result = await effect();
  await pause(nature, life);
  return result;
}

/** The same over a network: the call may also get lost, before or after the effect; `fault` then records that. */
export async function network<T>(
  nature: Nature,
  life: Life,
  { effect, fault }: { effect: () => T | Promise<T>; fault: () => void },
): Promise<T> {
  const beLost = (probability: number) => {
    if (nature.random() >= probability) return;
    fault();
    throw new TuError("E_SERVICE_UNAVAILABLE", "the simulated network gave no answer");
  };
  await pause(nature, life);
  beLost(nature.weather().lose);
  const result = await effect();
  await pause(nature, life);
  beLost(nature.weather().loseAnswer);
  return result;
}

export function pause({ random, scheduler, weather }: Nature, life: Life): Promise<void> {
  return scheduler.after(life, random() * weather().slowestMs);
}
