// S1: what keeping everything that is seen costs, as a share of the processor time of an upload without the
// recognition itself. The hops and messages of a real upload are kept again, for as many flows, as slowly as they came.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createSystemClock } from "../src/adapters/memory/clock.ts";
import { openSqliteFlowStore } from "../src/adapters/sqlite/flow-store.ts";
import { openReplayingPipeline } from "../src/commands/replaying-pipeline.samples.ts";
import { once } from "../src/pipeline/once.ts";
import { createSeenKeeper } from "../src/pipeline/operations/keep-seen.ts";
import { upload } from "../src/pipeline/operations/upload.ts";
import type { Carried, Hop } from "../src/pipeline/ports/reporter.ts";
import { inDirectory } from "./engine.ts";
import { type Figure, sampleOf } from "./measure.ts";
import { keepAnswer, pictureFile } from "./uploads.ts";

type Reported = { readonly hop: Hop; readonly carried: Carried | undefined };

/** How many batches the hops of one upload make. */
const batches = 4;
/** A little more than the keeper waits. */
const batchMs = 120;

export async function keepingSeen(rounds: number, flows: number): Promise<Figure> {
  return inDirectory(async (directory) => {
    await keepAnswer(directory);
    const shares: number[] = [];
    const [ofUploads, ofKeeping]: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round += 1) {
      const { cpuMs: uploadMs, reported } = await uploadSome(directory, flows);
      const keepingMs = await keepSome(join(directory, `seen-${round}.db`), reported, flows);
      ofUploads.push(uploadMs);
      ofKeeping.push(keepingMs);
      shares.push(keepingMs / uploadMs);
    }
    const share = sampleOf(shares);
    const [whole, kept] = [sampleOf(ofUploads), sampleOf(ofKeeping)];
    return {
      id: "S1",
      what: "processor time to keep what is seen, of an upload without the recognition",
      value: share.median,
      goal: "≤ 0.03",
      isMet: share.median <= 0.03,
      detail: `${kept.median.toFixed(2)} ms of ${whole.median.toFixed(0)} ms a flow`,
    };
  });
}

/** Milliseconds of processor time each, and what the last one reported. */
async function uploadSome(directory: string, flows: number) {
  let reported: Reported[] = [];
  const pipeline = await openReplayingPipeline({
    ...{ stateDir: join(directory, "state"), answers: join(directory, "answers") },
    reporter: {
      hop: (hop, carried) => void reported.push({ hop, carried }),
      notice: () => undefined,
    },
  });
  const bytes = await readFile(pictureFile);
  const image = { file: "a.jpg", filename: "a.jpg", contentType: "image/jpeg", bytes };
  const waiting = { signal: new AbortController().signal, onStage: () => undefined };
  try {
    await upload({ ...image, ...waiting }, pipeline);
    const before = process.cpuUsage();
    for (let flow = 0; flow < flows; flow += 1) {
      reported = [];
      await upload({ ...image, ...waiting }, pipeline);
    }
    return { cpuMs: msOf(process.cpuUsage(before)) / flows, reported };
  } finally {
    await pipeline.close();
  }
}

async function keepSome(file: string, reported: readonly Reported[], flows: number) {
  const opened = await openSqliteFlowStore(file, 1_000);
  const clock = createSystemClock();
  const next = { hop: () => undefined, notice: () => undefined };
  const observing = { flow: "full", seenAt: [] } as const;
  const keeper = createSeenKeeper({ store: once(async () => opened), clock, next, observing });
  const size = Math.ceil(reported.length / batches);
  const before = process.cpuUsage();
  for (let flow = 0; flow < flows; flow += 1)
    for (let batch = 0; batch < batches; batch += 1) {
      for (const { carried, hop } of reported.slice(batch * size, (batch + 1) * size))
        keeper.reporter.hop({ ...hop, flowId: `flow ${flow}` }, carried);
      await sleep(batchMs);
    }
  await keeper.close();
  const cpuMs = msOf(process.cpuUsage(before)) / flows;
  const { running, ...ended } = await opened.count();
  await opened.close();
  const kept = running + ended.completed + ended.failed;
  if (kept !== flows) throw new Error(`${kept} of ${flows} flows were kept`);
  return cpuMs;
}

const msOf = ({ system, user }: NodeJS.CpuUsage) => (system + user) / 1_000;
