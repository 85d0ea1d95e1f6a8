// Settings → the Vision port and its cassettes. Names adapters, like compose.ts.

import type { Annotator } from "../pipeline/ports/annotator.ts";
import type { Images } from "../pipeline/ports/images.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import type { Vision, VisionReading } from "../pipeline/ports/vision.ts";

export type VisionOptions = {
  readonly mode: "local" | "google" | "record" | "replay";
  /** The directory of the cassettes. */
  readonly directory: string;
  /** A folder with other networks for the local reader; null selects the bundled ones. */
  readonly models: string | null;
  /** The runtime of the local reader's networks. */
  readonly runtime: "auto" | "wasm" | "native";
  /** Only a single picture will be read. */
  readonly isForOne?: boolean;
  readonly endpoint: string;
  /** Null: no limit. */
  readonly callsMax: number | null;
  readonly keyFile: string | null;
  readonly quotaProject: string | null;
};
type Around = { readonly images: Images; readonly reporter: Pick<Reporter, "notice"> };

/** Shorter than the timeout of a step: the error of a call is more informative than a step's timeout. */
const callTimeoutMs = 20_000;

/**
 * The reader of pictures: local, Google, Google with its answers recorded, or recordings only. Throws
 * E_VISION_CREDENTIALS, E_VISION_RUNTIME, E_VISION_MODELS and E_CASSETTE_UNWRITABLE before there is any picture.
 */
export async function openVision(options: VisionOptions, around: Around): Promise<Vision> {
  if (options.mode === "local") {
    const { createLocalVision } = await import("../adapters/local-vision/vision.ts");
    const { models, runtime, isForOne = false } = options;
    const onFallback = (problem: string) =>
      around.reporter.notice({
        code: "runtime",
        message: `onnxruntime-node cannot be used; using WebAssembly instead (--vision-runtime wasm): ${problem}`,
        flowId: null,
      });
    return createLocalVision({ models, runtime, isForOne, onFallback });
  }
  const { createGoogleVision } = await import("../adapters/google-vision/vision.ts");
  const annotator = await openAnnotator(options, around);
  return createGoogleVision({ annotator, identify: around.images.identify });
}

async function openAnnotator(options: VisionOptions, around: Around): Promise<Annotator> {
  if (options.mode === "google") return openGoogle(options);
  const { features } = await import("../adapters/google-vision/features.ts");
  const store = await openStore(options.directory);
  const { createRecordingAnnotator, createReplayAnnotator } = await import(
    "../adapters/vision-cassettes/annotators.ts"
  );
  const { directory } = options;
  if (options.mode === "replay") return createReplayAnnotator(store, { directory, features });
  await store.prepare(makePrivateDirectory);
  const google = await openGoogle(options);
  return createRecordingAnnotator(google, store, (file) =>
    around.reporter.notice({
      code: "held",
      message: `not requested again: ${file} holds the response`,
      flowId: null,
    }),
  );
}

async function openGoogle(options: VisionOptions): Promise<Annotator> {
  const { createGoogleAnnotator } = await import("../adapters/google-vision/annotator.ts");
  const { endpoint, keyFile, quotaProject } = options;
  const google = await createGoogleAnnotator({
    endpoint,
    keyFile,
    quotaProject,
    timeoutMs: callTimeoutMs,
  });
  if (options.callsMax === null) return google;
  const { limitCalls } = await import("../adapters/google-vision/call-limit.ts");
  return limitCalls(google, options.callsMax);
}

async function openStore(directory: string) {
  const { features } = await import("../adapters/google-vision/features.ts");
  const { createCassetteStore } = await import("../adapters/vision-cassettes/store.ts");
  return createCassetteStore(directory, features);
}

async function makePrivateDirectory(path: string): Promise<void> {
  const { makeDirectories } = await import("../adapters/filesystem/directories.ts");
  await makeDirectories(path, 0o700);
}

/** The dependencies of `vision import`. */
export async function openImport(directory: string, images: Images) {
  const { readRestAnswers } = await import("../adapters/vision-cassettes/rest-answer.ts");
  const { readingOf } = await import("../adapters/google-vision/vision.ts");
  const store = await openStore(directory);
  await store.prepare(makePrivateDirectory);
  return {
    takeAnswers: readRestAnswers,
    store,
    read: async (image: Uint8Array, answer: unknown): Promise<VisionReading> =>
      readingOf(answer, await images.identify(image)),
  };
}
