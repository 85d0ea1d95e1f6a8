import { TuError } from "../../pipeline/errors.ts";
import type { ReadText } from "../../pipeline/ports/vision.ts";
import type { Begun } from "./network-threads.ts";
import { unusableRuntime } from "./runtime.ts";
import { type NetworkOptions, startNetworks, startThread, type Thread } from "./start-networks.ts";

// Reading is CPU-bound, so it has threads of its own: one that reads, and behind it some that run the networks,
// which block. This is the caller's end of the reading thread.

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
  /** The error, if there was one. */
  readonly problem?: string;
};

export type ReadingThreads = {
  /** Several pictures may be open at once. */
  readonly open: (image: Uint8Array) => OpenPicture;
  /** The name of the runtime that runs the networks; settled before the first look is answered. */
  readonly runtime: Promise<string>;
  /** Terminates the threads immediately; pending work rejects with E_VISION_FAILED. */
  readonly close: () => Promise<void>;
};
export type OpenPicture = {
  /** Rejects with E_IMAGE_NOT_AN_IMAGE if the image cannot be decoded. */
  readonly decoded: Promise<unknown>;
  /** Rejects with E_VISION_FAILED. */
  readonly look: (name: string) => Promise<readonly ReadText[]>;
  /** Releases the pixels. Pending looks reject immediately; no further network work is begun for them. */
  readonly close: () => void;
};

type Waiting = {
  readonly question: Question;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
};

export type ThreadOptions = NetworkOptions & {
  /** The threads are over, for whatever reason. */
  readonly onEnd: () => void;
  /** The runtime that was found is unusable, and WebAssembly takes its place. */
  readonly onFallback: (problem: string) => void;
};

export function startThreads(options: ThreadOptions): ReadingThreads {
  const { onEnd } = options;
  const waiting = new Map<number, Waiting>();
  const rejectAll = (what: Error | string, isConcerned = (_: Question) => true) => {
    const error = what instanceof TuError ? what : visionFailed(what);
    for (const { question, reject } of waiting.values()) {
      if (isConcerned(question) && waiting.delete(question.number)) reject(error);
    }
  };
  const threads: Thread[] = [];
  const watch = (thread: Thread): void => {
    threads.push(thread);
    thread.worker.on("error", rejectAll);
    // None is of use without the others.
    thread.worker.on("exit", () => {
      onEnd();
      rejectAll("a reader thread ended");
      void close();
    });
  };
  const { begun, ports, startNoMore } = startNetworks(options, watch);
  const close = async () => {
    startNoMore();
    await Promise.all(threads.map(({ end }) => end()));
  };
  const runtime = begun.then((first) => nameOf(first, options));
  runtime.catch((error: Error) => {
    onEnd();
    rejectAll(error);
    void close();
  });
  const worker = startThread("reading-thread", ports, ports);
  watch({ worker, end: () => worker.terminate() });
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
    runtime,
    open(image) {
      pictures += 1;
      const picture = pictures;
      return {
        decoded: ask("open", picture, image),
        // The worker answers a look with texts.
        look: (name) => ask("look", picture, name) as Promise<readonly ReadText[]>,
        close() {
          rejectAll("the picture was closed", (question) => question.picture === picture);
          void ask("close", picture, null); // there is no answer to wait for
        },
      };
    },
    close,
  };
}

/** Throws E_VISION_RUNTIME. */
function nameOf(begun: Begun, { onFallback, runtime }: ThreadOptions): string {
  if ("refused" in begun)
    throw unusableRuntime(runtime.kind === "native" ? runtime.file : "it", begun.refused);
  if (begun.problem !== null) onFallback(begun.problem);
  return begun.name;
}

function errorOf({ task }: Question, cause: Error): TuError {
  if (task === "look") return visionFailed(cause);
  return new TuError("E_IMAGE_NOT_AN_IMAGE", "the image cannot be decoded", {
    hint: "provide a photograph as JPEG, PNG or WebP",
    cause,
  });
}

function visionFailed(why: Error | string): TuError {
  const cause = why instanceof Error ? why : new Error(why);
  return new TuError("E_VISION_FAILED", "the text in the picture could not be read", {
    hint: "try again; if it fails for every picture, reinstall tu-analyze",
    cause,
  });
}
