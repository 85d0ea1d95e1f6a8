import { access } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Worker as ThreadWorker } from "node:worker_threads";
import type { Worker } from "tesseract.js";
import { TuError } from "../../pipeline/errors.ts";

/** One word with its box in pixels of the picture that was read. */
export type Word = {
  readonly text: string;
  /** 0–1 */
  readonly confidence: number;
  readonly box: {
    readonly x0: number;
    readonly y0: number;
    readonly x1: number;
    readonly y1: number;
  };
};

/** `page` looks for text anywhere; `line` takes the whole picture for one line of text. */
export type Layout = "page" | "line";

/** Reads text in a thread of its own; one picture at a time. */
export interface Reader {
  /** Takes any encoded picture. Throws E_VISION_FAILED. */
  read(picture: Buffer, layout: Layout): Promise<readonly Word[]>;
  /** Ends the thread; readings under way fail. */
  close(): Promise<void>;
}

const segmentation = { page: "11", line: "7" } as const satisfies Record<Layout, string>;

/** The engine would print to the terminal that it guesses a resolution and sees accents. */
const quiet = { user_defined_dpi: "300", debug_file: "/dev/null" };

/** Model names are no dictionary words, so the dictionaries would only bend them. */
const withoutDictionaries = { load_system_dawg: "0", load_freq_dawg: "0" };

export async function startReader(): Promise<Reader> {
  const broken = createAlarm();
  const starting = Promise.race([startWorker(broken.raise), broken.raised]);
  const { worker, thread } = await starting.catch(rethrow);
  return {
    async read(picture, layout) {
      const options = { ...quiet, tessedit_pageseg_mode: segmentation[layout] };
      const reading = worker
        // tesseract.js hands unknown options on to the engine, but does not type them.
        .recognize(picture, options as object, { text: false, blocks: true })
        .then(({ data }) => data.blocks ?? []);
      const blocks = await Promise.race([reading, broken.raised]).catch(rethrow);
      return blocks
        .flatMap((block) => block.paragraphs.flatMap((paragraph) => paragraph.lines))
        .flatMap((line) => line.words)
        .flatMap(({ symbols, bbox }) => toWord(symbols, bbox));
    },
    async close() {
      broken.raise(new Error("the reader was closed"));
      // Not the worker's own way to end: with it a reading under way would reject where nobody listens.
      await thread.terminate();
    },
  };
}

type Sign = { readonly text: string; readonly confidence: number };

/**
 * The engine's confidence in a word falls to nothing for a speck beside it; that in its signs does not.
 * Edges that are no letters are left out; the weakest sign counts most.
 */
function toWord(symbols: readonly Sign[], box: Word["box"]): readonly Word[] {
  const isSign = ({ text }: Sign) => /[\p{L}\p{N}]/u.test(text);
  const first = symbols.findIndex(isSign);
  if (first === -1) return [];
  const signs = symbols.slice(first, symbols.findLastIndex(isSign) + 1);
  const weakest = Math.min(...signs.map(({ confidence }) => confidence));
  const mean = signs.reduce((sum, { confidence }) => sum + confidence, 0) / signs.length;
  const confidence = 0.7 * certainty(weakest) + 0.3 * certainty(mean);
  return [{ text: signs.map(({ text }) => text).join(""), confidence, box }];
}

/** Measured: a sign at 98 hardly ever is another one, at 76 it is noise. */
function certainty(percent: number): number {
  return Math.min(0.97, Math.max(0, (percent - 76) / 22));
}

type Started = { readonly worker: Worker; readonly thread: ThreadWorker };

async function startWorker(onError: (cause: unknown) => void): Promise<Started> {
  const langPath = await englishFolder();
  const { default: tesseract } = await import("tesseract.js");
  let handleError = onError;
  const worker = await tesseract.createWorker(
    "eng",
    tesseract.OEM.LSTM_ONLY,
    { langPath, cacheMethod: "none", gzip: true, errorHandler: (cause) => handleError(cause) },
    withoutDictionaries,
  );
  // A failed start is told to nobody else; a failed reading rejects by itself.
  handleError = () => undefined;
  // The Node build exposes its thread here; an unheard `error` event would end the whole process.
  const thread = (worker as unknown as { readonly worker: ThreadWorker }).worker;
  thread.on("error", onError);
  return { worker, thread };
}

/** A promise that only ever rejects, and that nobody has to listen to. */
function createAlarm(): { raise: (cause: unknown) => void; raised: Promise<never> } {
  let raise: (cause: unknown) => void = () => undefined;
  const raised = new Promise<never>((_, reject) => {
    raise = reject;
  });
  raised.catch(() => undefined);
  return { raise, raised };
}

/** Checked before the thread starts, because tesseract.js never settles when the file is missing. */
async function englishFolder(): Promise<string> {
  try {
    const require = createRequire(import.meta.url);
    const folder = dirname(require.resolve("@tesseract.js-data/eng/package.json"));
    const chosen = join(folder, "4.0.0_best_int");
    await access(join(chosen, "eng.traineddata.gz"));
    return chosen;
  } catch (cause) {
    throw new TuError("E_VISION_FAILED", "The data for reading English text is not installed.", {
      hint: "Install tu-analyze again; the package @tesseract.js-data/eng is missing or incomplete.",
      cause,
    });
  }
}

function rethrow(cause: unknown): never {
  throw cause instanceof TuError ? cause : visionFailed(cause);
}

function visionFailed(cause: unknown): TuError {
  return new TuError("E_VISION_FAILED", "The text in the picture could not be read.", {
    hint: "Try again; if it fails for every picture, install tu-analyze again.",
    cause,
  });
}
