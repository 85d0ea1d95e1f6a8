import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import { TuError } from "../../pipeline/errors.ts";
import type { ReadText } from "../../pipeline/ports.ts";
import type { Models } from "./models.ts";

// The networks block the thread that they run in, so they get one of their own; this is its other end.

export type Question = {
  readonly number: number;
  readonly task: "open" | "look" | "close";
  readonly picture: number;
  /** An image for `open`, the name of a look for `look`. */
  readonly argument: unknown;
};
export type Answer = {
  readonly number: number;
  readonly result?: unknown;
  /** What went wrong, when something did. */
  readonly problem?: string;
};

export type ReadingThread = {
  /** Several pictures may be open at once. */
  readonly open: (image: Uint8Array) => OpenPicture;
  /** Ends the thread at once; what is under way rejects with E_VISION_FAILED. */
  readonly close: () => Promise<void>;
};
export type OpenPicture = {
  /** Rejects with E_IMAGE_NOT_AN_IMAGE for what cannot be decoded. */
  readonly decoded: Promise<unknown>;
  /** Rejects with E_VISION_FAILED. */
  readonly look: (name: string) => Promise<readonly ReadText[]>;
  /** Gives the pixels back. What is under way rejects now, and stops at its next line. */
  readonly close: () => void;
};

type Waiting = {
  readonly question: Question;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
};

/** `onEnd` is called once, when the thread is over for whatever reason. */
export function startThread(models: Models, onEnd: () => void): ReadingThread {
  const moved = [models.detection.buffer, models.recognition.buffer] as ArrayBuffer[]; // of files alone
  const worker = new Worker(workerFile(), { workerData: models, transferList: moved });
  const waiting = new Map<number, Waiting>();
  const rejectAll = (what: Error | string, isConcerned = (_: Question) => true) => {
    const error = visionFailed(what instanceof Error ? what : new Error(what));
    for (const { question, reject } of waiting.values()) {
      if (isConcerned(question) && waiting.delete(question.number)) reject(error);
    }
  };
  worker.on("error", rejectAll);
  worker.on("exit", () => {
    onEnd();
    rejectAll("the reading thread ended");
  });
  worker.on("message", ({ number, problem, result }: Answer) => {
    const asked = waiting.get(number);
    waiting.delete(number);
    if (problem === undefined) asked?.resolve(result);
    else asked?.reject(errorOf(asked.question, new Error(problem)));
  });
  let [questions, pictures] = [0, 0];
  const ask = (task: Question["task"], picture: number, argument: unknown): Promise<unknown> =>
    new Promise((resolve, reject) => {
      questions += 1;
      const question = { number: questions, task, picture, argument };
      if (task !== "close") waiting.set(questions, { question, resolve, reject });
      worker.postMessage(question satisfies Question);
    });
  return {
    open(image) {
      pictures += 1;
      const picture = pictures;
      return {
        decoded: ask("open", picture, image),
        // The worker answers a look with texts.
        look: (name) => ask("look", picture, name) as Promise<readonly ReadText[]>,
        close() {
          rejectAll("the picture was closed", (question) => question.picture === picture);
          void ask("close", picture, null); // has no answer to wait for
        },
      };
    },
    async close() {
      await worker.terminate();
    },
  };
}

/** Bundled by the build; found from the sources as well as from dist/. */
function workerFile(): string {
  const root = dirname(createRequire(import.meta.url).resolve("tu-analyze/package.json"));
  return join(root, "dist", "reading-thread.js");
}

function errorOf({ task }: Question, cause: Error): TuError {
  if (task === "look") return visionFailed(cause);
  return new TuError("E_IMAGE_NOT_AN_IMAGE", "the image cannot be decoded", {
    hint: "give a photograph as JPEG, PNG or WebP",
    cause,
  });
}

function visionFailed(cause: Error): TuError {
  return new TuError("E_VISION_FAILED", "the text in the picture could not be read", {
    hint: "try again; if it fails for every picture, install tu-analyze again",
    cause,
  });
}
