// G4: one upload without the recognition itself, and how long a user waits for its first hop. The picture is read
// from a replayed answer of Google Vision.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { makeDirectories } from "../src/adapters/filesystem/directories.ts";
import { features } from "../src/adapters/google-vision/features.ts";
import { createCassetteStore } from "../src/adapters/vision-cassettes/store.ts";
import { openReplayingPipeline } from "../src/commands/replaying-pipeline.samples.ts";
import { upload } from "../src/pipeline/operations/upload.ts";
import { inDirectory } from "./engine.ts";
import { type Figure, sampleOf, secondsOf, spread } from "./measure.ts";

const root = join(import.meta.dirname, "..");
export const pictureFile = join(root, "fixtures", "images", "komatsu-pc200.jpg");

export async function uploads(rounds: number): Promise<readonly Figure[]> {
  return inDirectory(async (directory) => {
    await keepAnswer(directory);
    const [, ...times] = await uploadOften(directory, await readFile(pictureFile), rounds + 1);
    const whole = sampleOf(times.map((seconds) => seconds * 1000));
    const starts: number[] = [];
    for (let round = 0; round < rounds; round += 1) starts.push(await firstHopOf(directory));
    const first = sampleOf(starts);
    return [
      {
        id: "G4",
        what: "ms an upload without the recognition",
        value: whole.median,
        goal: "≤ 60",
        isMet: whole.median <= 60,
        detail: spread(whole, "ms"),
      },
      {
        id: "G4",
        what: "s from the start of the process to the first hop",
        value: first.median,
        goal: "≤ 0.4",
        isMet: first.median <= 0.4,
        detail: spread(first, "s"),
      },
    ];
  });
}

/** Where the vision of `uploadOften` looks for it. */
export async function keepAnswer(directory: string): Promise<void> {
  const text = await readFile(join(root, "fixtures", "vision", "komatsu-pc200.json"), "utf8");
  const { responses } = JSON.parse(text) as { responses: [object] }; // the fixture is the response for one picture
  const store = createCassetteStore(join(directory, "answers"), features);
  await store.prepare(makeDirectories);
  await store.save(await readFile(pictureFile), responses[0]);
}

/** One run of the pipeline: when closed, it leaves no log next to the journal. Returns the seconds that each took. */
export async function uploadOften(
  directory: string,
  bytes: Uint8Array,
  times: number,
): Promise<readonly number[]> {
  const { signal } = new AbortController();
  const pipeline = await openReplayingPipeline({
    ...{ stateDir: join(directory, "state"), answers: join(directory, "answers") },
  });
  const image = { file: "a.jpg", filename: "a.jpg", contentType: "image/jpeg", bytes };
  const waiting = { signal, onStage: () => undefined };
  const seconds: number[] = [];
  try {
    for (let time = 0; time < times; time += 1)
      seconds.push(
        await secondsOf(async () => {
          const { status } = await upload({ ...image, ...waiting }, pipeline);
          if (status !== "completed") throw new Error(`an upload ${status}`);
        }),
      );
    return seconds;
  } finally {
    await pipeline.close();
  }
}

/** In seconds, for the built tool, as started by a user. */
async function firstHopOf(directory: string): Promise<number> {
  const args = ["upload", pictureFile, "--vision", "replay", "--state-dir", join(directory, "own")];
  let seconds = Number.NaN;
  const startedAt = performance.now();
  const child = spawn(
    process.execPath,
    [join(root, "bin", "tu-analyze"), ...args, "--vision-dir", join(directory, "answers")],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  let said = "";
  child.stdout.on("data", (text: Buffer) => {
    said += text.toString();
    if (Number.isNaN(seconds) && said.includes("+0.0"))
      seconds = (performance.now() - startedAt) / 1000;
  });
  const [code] = await once(child, "exit");
  if (code !== 0 || Number.isNaN(seconds)) throw new Error(`an upload ended with ${code}: ${said}`);
  return seconds;
}
