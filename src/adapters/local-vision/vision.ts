import type { ReadText, Vision, VisionProvider } from "../../pipeline/ports/vision.ts";
import { plan } from "../../pipeline/scene-text/looks.ts";
import { findModels } from "./models.ts";
import { findRuntime, type RuntimeChoice } from "./runtime.ts";
import { type OpenPicture, type ReadingThreads, startThreads } from "./threads.ts";

const provider: VisionProvider = {
  name: "local",
  apiVersion: "v1",
  featureset: ["TextDetection", "ImageProperties"],
  maxResults: null,
  reasoningName: null,
  reasoningModel: null,
};

/**
 * The `Vision` port without a network connection: the networks of PP-OCR locate and read text, one look after the
 * other until it is enough. How many looks it takes depends on the picture alone, never on the time. `models` names
 * a folder with other networks of that kind; null selects the bundled ones. Throws E_VISION_RUNTIME and
 * E_VISION_MODELS; reading throws them too, for what cannot be loaded.
 */
export async function createLocalVision({
  models = null,
  isForOne = false,
  runtime = "wasm",
  onFallback = () => undefined,
}: {
  readonly models?: string | null;
  readonly runtime?: RuntimeChoice;
  /** With the reason why an installed native runtime was not used. */
  readonly onFallback?: (problem: string) => void;
  /** For a single picture: two network threads read it sooner, for 300 MB that many pictures would keep. */
  readonly isForOne?: boolean;
} = {}): Promise<Vision> {
  const found = findRuntime(runtime);
  const files = await findModels(models);
  const most = isForOne ? 2 : 1;
  let threads: ReadingThreads | undefined;
  const open = (): ReadingThreads => {
    const forget = () => {
      if (threads === opened) threads = undefined;
    };
    const opened =
      threads ?? startThreads({ runtime: found, models: files, most, onEnd: forget, onFallback });
    threads = opened;
    return opened;
  };
  return {
    atOnce: 2, // one is read, and the next one is decoded
    async read(image, { isEnough, signal }) {
      signal?.throwIfAborted();
      const started = open();
      const picture = started.open(image);
      signal?.addEventListener("abort", picture.close, { once: true });
      try {
        await picture.decoded;
        const texts = await lookUntil(picture, isEnough);
        return { provider, texts, hints: [], runtime: await started.runtime };
      } catch (error) {
        signal?.throwIfAborted();
        throw error;
      } finally {
        signal?.removeEventListener("abort", picture.close);
        picture.close();
      }
    },
    warmUp: () => void open(),
    close: async () => threads?.close(),
  };
}

async function lookUntil(picture: OpenPicture, isEnough: Enough): Promise<readonly ReadText[]> {
  const texts: ReadText[] = [];
  for (const { name, wanted } of plan) {
    if (wanted === "brand" && isEnough(texts, wanted)) continue;
    texts.push(...(await picture.look(name)));
    if (isEnough(texts, "machine")) break;
  }
  return texts;
}

type Enough = Parameters<Vision["read"]>[1]["isEnough"];
