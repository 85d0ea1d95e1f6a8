// D2: what users wait for: whole uploads on real servers, from the first request to the told end, over the same in a
// process with everything embedded. Recognition is a recorded answer, and the pictures are small and all different, so
// that what remains is the pipeline. Client, services and journal share a process; both sides have one of their own.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { makePictures } from "../scripts/kill/pictures.ts";
import type { Pipeline } from "../src/commands/compose.ts";
import { openReplayingPipeline } from "../src/commands/replaying-pipeline.samples.ts";
import { upload } from "../src/pipeline/operations/upload.ts";
import { inDirectory } from "./engine.ts";
import { byTurns, type Figure, sampleOf, spread } from "./measure.ts";
import type { RealServers } from "./real-servers.ts";

type Work = { readonly rounds: number; readonly uploads: number };
type Picture = { readonly path: string; readonly bytes: Uint8Array };

const inFlight = 30;
/** Of them a tenth has no answer, and is left out. */
const pictureCount = 100;
const unansweredEvery = 10;

export async function brokerUploads(servers: RealServers, work: Work): Promise<readonly Figure[]> {
  return inDirectory(async (directory) => {
    const answers = join(directory, "answers");
    const paths = await makePictures(join(directory, "pictures"), answers, pictureCount);
    const answered = paths.filter((_, index) => index % unansweredEvery !== 0);
    const pictures = await Promise.all(
      answered.map(async (path) => ({ path, bytes: await readFile(path) })),
    );
    const real = await openReplayingPipeline({
      ...{ stateDir: join(directory, "real"), answers, cluster: servers },
    });
    const embedded = await openReplayingPipeline({ stateDir: join(directory, "own"), answers });
    try {
      const alone = await byTurns(work.rounds, [
        async () => (await many(real, pictures, { lanes: 1, uploads: work.uploads / 10 })).median,
        async () =>
          (await many(embedded, pictures, { lanes: 1, uploads: work.uploads / 10 })).median,
      ]);
      const crowd = { lanes: inFlight, uploads: work.uploads };
      const together = await byTurns(work.rounds, [
        async () => (await many(real, pictures, crowd)).rate,
        async () => (await many(embedded, pictures, crowd)).rate,
      ]);
      return [
        figureOf("p50 of an upload on real servers over embedded", alone, "ms", "one at a time"),
        figureOf(
          "uploads/s on real servers over embedded",
          together,
          "/s",
          `${inFlight} in flight`,
        ),
      ];
    } finally {
      await real.close();
      await embedded.close();
    }
  });
}

function figureOf(
  what: string,
  [real, embedded]: Awaited<ReturnType<typeof byTurns>>,
  unit: string,
  how: string,
): Figure {
  if (real === undefined || embedded === undefined) throw new Error("a side was not measured");
  const detail = `${spread(real, unit)} over ${spread(embedded, unit)}, ${how}`;
  return { id: "D2", what, value: real.median / embedded.median, detail };
}

async function many(
  pipeline: Pipeline,
  pictures: readonly Picture[],
  { lanes, uploads }: { readonly lanes: number; readonly uploads: number },
) {
  const flows = new Set<string>();
  const each: number[] = [];
  let begun = 0;
  const lane = async () => {
    while (begun < uploads) {
      const picture = pictures[begun++ % pictures.length] as Picture; // there are some
      const startedAt = performance.now();
      flows.add(await completed(pipeline, picture));
      each.push(performance.now() - startedAt);
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: lanes }, lane));
  const seconds = (performance.now() - startedAt) / 1000;
  if (flows.size !== each.length) throw new Error(`${each.length} uploads had ${flows.size} flows`);
  return { rate: each.length / seconds, median: sampleOf(each).median };
}

async function completed(pipeline: Pipeline, { bytes, path: file }: Picture): Promise<string> {
  const image = { file, filename: "a.jpg", contentType: "image/jpeg", bytes };
  const { signal } = new AbortController();
  const report = await upload({ ...image, signal, onStage: () => undefined }, pipeline);
  if (report.status !== "completed") throw new Error(`an upload ${report.status}`);
  return report.flowId;
}
