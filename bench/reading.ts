// P7: records per second that are read without a group, over kcat's (librdkafka, in C), from the first record of a
// topic to its end. Ours includes opening and closing the connections, kcat's the start of its process; what it prints
// is counted by `wc` or searched by `grep`, as one does by hand.
import { spawnSync } from "node:child_process";
import { createSystemClock } from "../src/adapters/memory/clock.ts";
import { createRandomIds } from "../src/adapters/memory/ids.ts";
import { openLog } from "../src/commands/compose-transports.ts";
import type { ReadRecord } from "../src/pipeline/ports/event-log.ts";
import { kafkaOf } from "./bridge-loops.ts";
import { byTurns, type Figure, type Sample, secondsOf, spread } from "./measure.ts";
import type { RealServers } from "./real-servers.ts";

type Work = { readonly rounds: number; readonly records: number };

const partitions = 8;
const bodyBytes = 500;
const batchSize = 1000;
/** One in so many has the correlation id that is searched for. */
const soughtEvery = 1000;
const sought = "f".repeat(32);
const header = "x-correlation-id";

export async function reading(servers: RealServers, work: Work): Promise<readonly Figure[]> {
  if (spawnSync("kcat", ["-V"]).status !== 0) {
    console.log("P7: left out: there is no kcat; Debian's package has the same name");
    return [];
  }
  const topic = `bench.${createRandomIds(createSystemClock()).create()}`;
  await fill(servers, topic, work.records);
  try {
    const few = Math.ceil(work.records / soughtEvery);
    const samples = await byTurns(work.rounds, [
      () => ours(servers, topic, { wanted: work.records, isCounted: () => true, of: work.records }),
      () =>
        kcat(servers, topic, { ...all, wanted: work.records * (bodyBytes + 1), of: work.records }),
      () => ours(servers, topic, { wanted: few, isCounted: isSought, of: work.records }),
      () => kcat(servers, topic, { ...some, wanted: few, of: work.records }),
    ]);
    return [
      figureOf("records/s read over kcat's", samples.slice(0, 2), work.records),
      figureOf("records/s searched by a header over kcat | grep", samples.slice(2), work.records),
    ];
  } finally {
    const admin = kafkaOf(servers).admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
  }
}

const goal = 0.3;

function figureOf(what: string, [own, other]: readonly Sample[], records: number): Figure {
  if (own === undefined || other === undefined) throw new Error("a side was not measured");
  const value = own.median / other.median;
  const detail = `${spread(own, "records/s")} over ${spread(other, "records/s")}, ${records} records`;
  return { id: "P7", what, value, goal: `≥ ${goal}`, isMet: value >= goal, detail };
}

type Expected = { readonly wanted: number; readonly of: number };

async function ours(
  servers: RealServers,
  topic: string,
  { isCounted, of, wanted }: Expected & { readonly isCounted: (record: ReadRecord) => boolean },
): Promise<number> {
  const next = new Array<number>(partitions).fill(0);
  let counted = 0;
  let isInOrder = true;
  const seconds = await secondsOf(async () => {
    const log = await openLog(servers, fail);
    const begun = await log.read({ topics: [topic], fromMs: 0 }, (record) => {
      if (record.offset !== next[record.partition]) isInOrder = false;
      next[record.partition] = record.offset + 1;
      if (isCounted(record)) counted += 1;
    });
    await begun.caughtUp;
    await log.close();
  });
  const read = next.reduce((sum, count) => sum + count, 0);
  if (counted !== wanted || read !== of || !isInOrder)
    throw new Error(`${counted} of ${wanted} were counted, ${read} of ${of} read`);
  return of / seconds;
}

const soughtBytes = Buffer.from(sought);
const isSought = ({ headers }: ReadRecord) =>
  headers.some(({ name, value }) => name === header && soughtBytes.equals(value ?? empty));
const empty = Buffer.alloc(0);

const all = { format: "%s\\n", counter: "wc -c" };
const some = { format: "%k %h %s\\n", counter: `grep -c '${header}=${sought}'` };

async function kcat(
  { kafka }: RealServers,
  topic: string,
  { counter, format, of, wanted }: Expected & typeof all,
): Promise<number> {
  const command = `kcat -b "$1" -t "$2" -C -e -q -f '${format}' | ${counter}`;
  let printed = "";
  const seconds = await secondsOf(() => {
    const brokers = kafka.brokers.join(",");
    printed = spawnSync("sh", ["-c", command, "sh", brokers, topic], { encoding: "utf8" }).stdout;
  });
  if (Number(printed) !== wanted) throw new Error(`kcat: ${printed.trim()} instead of ${wanted}`);
  return of / seconds;
}

async function fill(servers: RealServers, topic: string, count: number): Promise<void> {
  const log = await openLog(servers, fail);
  await log.createTopic({ name: topic, partitions });
  const body = Buffer.alloc(bodyBytes, "x");
  for (let first = 0; first < count; first += batchSize) {
    const batch = Array.from({ length: Math.min(batchSize, count - first) }, (_, at) => {
      const number = first + at;
      const flow = number % soughtEvery === 0 ? sought : String(number).padStart(32, "0");
      const headers = [
        { name: header, value: Buffer.from(flow) },
        { name: "x-schema", value: Buffer.from("tu.images.uploaded.v1") },
        { name: "x-producer", value: Buffer.from("tu-ingestion-service") },
      ];
      return log.append({ topic, key: Buffer.from(`images/${number}.png`), headers, body });
    });
    await Promise.all(batch);
  }
  await log.close();
}

function fail(error: unknown): never {
  throw error;
}
