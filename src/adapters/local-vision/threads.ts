import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { TuError } from "../../pipeline/errors.ts";
import type { ReadText } from "../../pipeline/ports/vision.ts";
import type { ModelFiles } from "./models.ts";
import type { NetworkThreadData } from "./network-threads.ts";

// Reading keeps processors busy, so it has threads of its own: one that reads, and behind it some that run
// the networks, which block. This is the other end of the first.

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

export type ReadingThreads = {
  /** Several pictures may be open at once. */
  readonly open: (image: Uint8Array) => OpenPicture;
  /** Ends the threads at once; what is under way rejects with E_VISION_FAILED. */
  readonly close: () => Promise<void>;
};
export type OpenPicture = {
  /** Rejects with E_IMAGE_NOT_AN_IMAGE for what cannot be decoded. */
  readonly decoded: Promise<unknown>;
  /** Rejects with E_VISION_FAILED. */
  readonly look: (name: string) => Promise<readonly ReadText[]>;
  /** Gives the pixels back. What is under way rejects now; of the networks' work no more is begun. */
  readonly close: () => void;
};

type Waiting = {
  readonly question: Question;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
};

/**
 * What each loads first: lines are found before they are read. Each holds the networks once more; a third would
 * want more memory than it is worth.
 */
const networkThreads = ["detect", "recognise"] as const;

/** At most `most` that run networks; `onEnd` is called when they are over, for whatever reason. */
export function startThreads(
  models: ModelFiles,
  { most, onEnd }: { readonly most: number; readonly onEnd: () => void },
): ReadingThreads {
  const waiting = new Map<number, Waiting>();
  const rejectAll = (what: Error | string, isConcerned = (_: Question) => true) => {
    const error = visionFailed(what instanceof Error ? what : new Error(what));
    for (const { question, reject } of waiting.values()) {
      if (isConcerned(question) && waiting.delete(question.number)) reject(error);
    }
  };
  const workers: Worker[] = [];
  let isOver = false;
  const close = async () => {
    isOver = true;
    await Promise.all(workers.map((each) => each.terminate()));
  };
  const start = (entry: string, workerData: unknown, transferList: MessagePort[]): Worker => {
    const started = new Worker(fileOf(entry), { workerData, transferList });
    workers.push(started);
    started.on("error", rejectAll);
    // None is of use without the others.
    started.on("exit", () => {
      onEnd();
      rejectAll("a thread of the reader ended");
      void close();
    });
    return started;
  };
  const firsts = networkThreads.slice(0, Math.min(most, availableParallelism()));
  const channels = firsts.map(() => new MessageChannel());
  /** One when the one before is ready, so that the first is ready soonest. */
  const startNetworks = (at: number): void => {
    const [first, port] = [firsts[at], channels[at]?.port1];
    if (first === undefined || port === undefined || isOver) return;
    const data: NetworkThreadData = { models, port, first };
    start("network-thread", data, [port]).once("message", () => startNetworks(at + 1));
  };
  startNetworks(0);
  const ports = channels.map(({ port2 }) => port2);
  const worker = start("reading-thread", ports, ports);
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
    close,
  };
}

/** Bundled by the build; found from the sources as well as from dist/. */
function fileOf(entry: string): string {
  const root = dirname(createRequire(import.meta.url).resolve("tu-analyze/package.json"));
  return join(root, "dist", `${entry}.js`);
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
