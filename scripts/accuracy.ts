import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";
import { createImages } from "../src/adapters/images/images.ts";
import { createLocalVision } from "../src/adapters/local-vision/vision.ts";
import { createSystemClock } from "../src/adapters/memory/clock.ts";
import { TuError } from "../src/pipeline/errors.ts";
import { checkImage } from "../src/pipeline/operations/check-image.ts";
import { type RecognisePorts, readMachine } from "../src/pipeline/operations/recognise-image.ts";
import { reportLines } from "./accuracy/report.ts";
import {
  distributionOf,
  parseTruth,
  type Scored,
  score,
  type Truth,
  unknownBrands,
} from "./accuracy/score.ts";

// How right recognition is on photographs of your own, and what it costs:
//   npm run accuracy -- <folder> <truth.json> [--only a.jpg,b.jpg] [--show] [--json] [--models <folder>]
//     [--runtime wasm|native]
// truth.json: { "a.jpg": { "brand": "Caterpillar" | null, "model": "323" | ["320DL", "320D"] | null,
// "type"?: "Excavator" }, … }; null is what a person does not read either. One picture after the other, in
// one process, by the code of `tu-analyze recognise`.

const sampleMs = 25;

type Cost = { readonly cpuSeconds: number; readonly wallMs: number };
type Work = { readonly folder: string; readonly truth: Truth; readonly files: readonly string[] };

try {
  await run();
} catch (error) {
  if (!(error instanceof TuError)) throw error;
  console.error(`${error.code}: ${error.message}`);
  if (error.hint !== undefined) console.error(`  hint: ${error.hint}`);
  process.exitCode = error.exitCode;
}

async function run(): Promise<void> {
  const { positionals, values } = readArguments();
  const [folder, truthFile, ...others] = positionals;
  if (folder === undefined || truthFile === undefined || others.length > 0)
    throw usage("it takes a folder and a truth file");
  const truth = await readTruth(truthFile);
  const present = await readFolder(folder, truthFile);
  const files = chosen(truth, present, values.only);
  const unknown = unknownBrands(files.flatMap((file) => truth[file] ?? []));
  if (unknown.length > 0) console.error(`note: not in the list of brands: ${unknown.join(", ")}`);
  const vision = await createLocalVision({
    models: values.models ?? null,
    runtime: runtimeOf(values),
  });
  try {
    const ports = { vision, images: createImages(), clock: createSystemClock() };
    const { costs, memoryMb, scored } = await readAll({ folder, truth, files }, ports);
    const result = score(scored);
    const measured = {
      skipped: present.filter((file) => truth[file] === undefined).length,
      cpuSeconds: distributionOf(costs.map(({ cpuSeconds }) => cpuSeconds)),
      wallMs: distributionOf(costs.map(({ wallMs }) => wallMs)),
      memoryMb: distributionOf(memoryMb),
    };
    if (values.json) console.log(JSON.stringify({ ...measured, ...result }, null, 2));
    else for (const line of reportLines(result, measured, values.show)) console.log(line);
  } finally {
    await vision.close();
  }
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        json: { type: "boolean", default: false },
        show: { type: "boolean", default: false },
        only: { type: "string" },
        models: { type: "string" },
        runtime: { type: "string", default: "wasm" },
      },
    });
  } catch (error) {
    throw usage(error instanceof Error ? error.message : String(error));
  }
}

function runtimeOf({ runtime }: { readonly runtime: string }): "wasm" | "native" {
  if (runtime === "wasm" || runtime === "native") return runtime;
  throw usage(`--runtime: ${runtime} is neither wasm nor native`);
}

function usage(message: string): TuError {
  return new TuError("E_USAGE", message, {
    hint: "npm run accuracy -- <folder> <truth.json> [--only a.jpg,b.jpg] [--show] [--json] [--models <folder>] [--runtime wasm|native]",
  });
}

async function readTruth(file: string): Promise<Truth> {
  const text = await readFile(file, "utf8").catch((cause: unknown) => {
    throw new TuError("E_FILE_NOT_FOUND", `the truth ${file} cannot be read`, { cause });
  });
  try {
    return parseTruth(text);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new TuError("E_CONFIG", `the truth ${file} is not valid: ${why}`, { cause });
  }
}

/** The pictures in it; the truth file may be in the same folder. */
async function readFolder(folder: string, truthFile: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch((cause: unknown) => {
    throw new TuError("E_FILE_NOT_FOUND", `the folder ${folder} cannot be read`, { cause });
  });
  return entries
    .filter((entry) => !entry.isDirectory() && entry.name !== basename(truthFile))
    .map(({ name }) => name);
}

function chosen(
  truth: Truth,
  present: readonly string[],
  only: string | undefined,
): readonly string[] {
  const files = only?.split(",").map((file) => file.trim()) ?? Object.keys(truth);
  const unknown = files.filter((file) => truth[file] === undefined);
  if (unknown.length > 0) throw usage(`--only: the truth says nothing of ${unknown.join(", ")}`);
  const missing = files.filter((file) => !present.includes(file));
  if (missing.length === files.length) {
    throw new TuError("E_USAGE", "the truth names none of the pictures in the folder", {
      hint: 'it is { "<name of a picture>": { "brand": "…", "model": "…" }, … }',
    });
  }
  if (missing.length === 0) return files;
  throw new TuError(
    "E_FILE_NOT_FOUND",
    `the truth names what is not there: ${missing.join(", ")}`,
    {
      hint: "--only a.jpg,b.jpg chooses some",
    },
  );
}

async function readAll({ files, folder, truth }: Work, ports: RecognisePorts) {
  const scored: Scored[] = [];
  const costs: Cost[] = [];
  const memoryMb: number[] = [];
  // The networks run in a thread of their own, so this one is free to sample.
  const sampling = setInterval(() => memoryMb.push(process.memoryUsage.rss() / 1e6), sampleMs);
  try {
    for (const [index, file] of files.entries()) {
      if (process.stderr.isTTY)
        process.stderr.write(`\r${index + 1}/${files.length} ${file}\u001b[K`);
      const expected = truth[file] ?? { brand: null, model: null };
      const bytes = await readFile(join(folder, file));
      const [cpu, wallMs] = [process.cpuUsage(), performance.now()];
      scored.push({ file, expected, ...(await answerTo(bytes, ports)) });
      const { system, user } = process.cpuUsage(cpu);
      costs.push({ cpuSeconds: (system + user) / 1e6, wallMs: performance.now() - wallMs });
    }
  } finally {
    clearInterval(sampling);
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
  }
  return { scored, costs, memoryMb };
}

async function answerTo(bytes: Uint8Array, ports: RecognisePorts) {
  try {
    await checkImage(bytes, ports.images);
    return { answer: (await readMachine({ bytes }, ports)).recognition.aggregate };
  } catch (error) {
    // Without networks no picture can be read: the picture is not to blame.
    if (!(error instanceof TuError) || ["E_VISION_MODELS", "E_VISION_RUNTIME"].includes(error.code))
      throw error;
    return { error: `${error.code}: ${error.message}` };
  }
}
