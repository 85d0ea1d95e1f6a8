import type { LogReading, LogReadOptions, ReadRecord } from "../../pipeline/ports/event-log.ts";
import type { Client } from "./client.ts";
import type { Connection } from "./connection.ts";
import { unavailable } from "./errors.ts";
import { createHandover, type Handover } from "./handover.ts";
import { type Brokers, byLeader, type Led, openBrokers } from "./log-brokers.ts";
import { beginningsOf, createPlaces, type Places } from "./reading-places.ts";
import { onlyOnce } from "./subscription.ts";
import { within } from "./within.ts";

export type ReadingOptions = LogReadOptions & {
  readonly connection: Connection;
  readonly handler: (record: ReadRecord) => void | Promise<void>;
  readonly onError: (error: unknown, where: string) => void;
};

/** One set of connections, and what is read over them. */
type Life = {
  readonly client: Client;
  readonly brokers: Brokers;
  led: readonly Led[];
  isStarted: boolean;
  isOver: boolean;
};

const openTimeoutMs = 8000;
const firstPauseMs = 100;
const longestPauseMs = 2000;
/** As for members of groups: half a second is the longest that a fetch waits. */
const silenceMax = 6;

/**
 * Reads partitions without a group, through any number of lives.
 *
 * 1. Whatever goes wrong (a connection, a leader that moved, a partition with an error) ends the life; the next one
 *    asks who leads, and goes on behind what was handled. What an earlier life fetched is dropped.
 * 2. While the records of a fetch are handled, the next one is under way: two are held per broker, at most.
 * 3. Nothing is handed over while the connection is lost.
 */
export async function beginReading(options: ReadingOptions): Promise<LogReading> {
  const { connection } = options;
  let life: Life | null = null;
  let timer: NodeJS.Timeout | undefined;
  const pauses = createPauses();
  let isClosing = false;

  const isWanted = () => !isClosing && connection.isUp();
  const end = (ended: Life) => {
    if (ended.isOver) return;
    ended.isOver = true;
    ended.client.destroy();
    if (life !== ended) return;
    life = null;
    again();
  };
  const again = () => {
    clearTimeout(timer);
    if (!isWanted()) return;
    timer = setTimeout(() => void prepare().then(start).catch(again), pauses.next());
  };
  const broken = (ended: Life) => {
    if (!ended.isOver) connection.suspect();
    end(ended);
  };
  const first = await connection.run("beginning to read", () => openLife(connection, broken));
  const { beginnings, missing } = await connection
    .run("asking where to read", () => beginningsOf(first.brokers, options))
    .catch((error: unknown) => {
      end(first);
      throw error;
    });
  const places = createPlaces(beginnings);
  const handover = createHandover({ ...options, places, codecs: first.client.codecs });

  const settleIn = async (settled: Life) => {
    if (settled.isOver) throw unavailable("lost");
    settled.led = places.ledIn(await settled.brokers.layoutOf(places.topics()));
    if (life !== null) end(life);
    life = settled;
  };
  const prepare = async () => {
    const opened = await openLife(connection, broken);
    try {
      await within(openTimeoutMs, "asking who leads", settleIn(opened));
    } catch (error) {
      end(opened);
      throw error;
    }
  };
  const start = () => {
    const started = life;
    if (started === null || started.isStarted) return;
    if (!isWanted()) return end(started);
    started.isStarted = true;
    const isWhole = started.led.length === places.count();
    if (!isWhole) again(); // nobody leads the others at the moment
    const onProgress = isWhole ? pauses.reset : () => undefined;
    for (const led of byLeader(started.led).values())
      follow(started, led, { places, handover, onProgress }).catch(() => broken(started));
  };
  const detach = connection.attach({
    lose() {
      clearTimeout(timer);
      if (life !== null) end(life);
    },
    rejoin: prepare,
    resume: start,
    async watch() {
      if (life !== null && life.client.countSilence() >= silenceMax) end(life);
    },
  });
  await settleIn(first).then(start, () => {
    end(first);
    again();
  });
  const close = async () => {
    isClosing = true;
    clearTimeout(timer);
    detach();
    if (life !== null) end(life);
    places.giveUp(unavailable("closed"));
    await handover.ended();
  };
  return { missing, caughtUp: places.caughtUp, close: onlyOnce(close) };
}

/** Between lives, longer and longer until one makes progress. */
function createPauses() {
  let nextMs = firstPauseMs;
  return {
    next(): number {
      const pauseMs = nextMs;
      nextMs = Math.min(nextMs * 2, longestPauseMs);
      return pauseMs;
    },
    reset() {
      nextMs = firstPauseMs;
    },
  };
}

type Following = {
  readonly places: Places;
  readonly handover: Handover;
  readonly onProgress: () => void;
};

/** Reads what one broker leads, until the life is over. Rejects if something has to be asked anew. */
async function follow(
  life: Life,
  led: readonly Led[],
  { handover, onProgress, places }: Following,
): Promise<void> {
  const [{ leader }] = led as [Led]; // a leader leads something
  const fetch = () => {
    const asked = life.brokers.fetch(leader, places.wanted(led));
    asked.catch(() => undefined); // heard when it is its turn
    return asked;
  };
  const isOver = () => life.isOver;
  for (let answer = fetch(); ; ) {
    const { errorCode, partitions } = await answer;
    if (isOver()) return;
    const work = places.take(partitions);
    const isMended = await places.mend(partitions, life.brokers, led);
    if (errorCode !== 0 || !isMended) throw unavailable("up, but a partition cannot be read");
    answer = fetch();
    await handover.hand(work, isOver);
    if (isOver()) return;
    onProgress();
  }
}

/** Connections to the brokers; whoever opened them hears when one breaks. */
async function openLife(
  { openClient }: Pick<Connection, "openClient">,
  onBroken: (life: Life) => void,
): Promise<Life> {
  let opened: Life | null = null;
  const client = openClient(() => {
    if (opened !== null) onBroken(opened);
  });
  try {
    const brokers = await within(openTimeoutMs, "connecting to Kafka", openBrokers(client));
    opened = { client, brokers, led: [], isStarted: false, isOver: false };
    return opened;
  } catch (error) {
    client.destroy();
    throw error;
  }
}
