import { TuError } from "../../pipeline/errors.ts";
import type { ReadText, Vision, VisionProvider } from "../../pipeline/ports.ts";
import { createScene, passes } from "./passes.ts";
import { loadUpright } from "./plane.ts";
import { type Reader, startReader } from "./reader.ts";

const provider: VisionProvider = {
  name: "local",
  apiVersion: "v1",
  featureset: ["TextDetection", "ImageProperties"],
  maxResults: null,
  reasoningName: null,
  reasoningModel: null,
};

/** Finer detail than this costs time and shows nothing more. */
const longestSide = 2_400;
/** A picture that is not read by then is given up with what was read. */
const patienceMs = 4_500;

/** The `Vision` port without any network: tesseract on lines of text that are found here. */
export function createLocalVision(): Vision {
  let reader: Promise<Reader> | undefined;
  const open = (): Promise<Reader> => {
    reader ??= startReader().catch((cause: unknown) => {
      reader = undefined;
      throw cause;
    });
    return reader;
  };
  return {
    async read(image, { isEnough, signal }) {
      const [started, upright] = await Promise.all([
        open(),
        loadUpright(image, longestSide).catch(unreadable),
      ]);
      const until = performance.now() + patienceMs;
      const scene = createScene(upright, started);
      const texts: ReadText[] = [];
      for (const pass of passes) {
        for await (const some of pass(scene)) {
          signal?.throwIfAborted();
          texts.push(...some);
          if (isEnough(texts) || performance.now() > until) return { provider, texts };
        }
      }
      return { provider, texts };
    },
    warmUp() {
      open().catch(() => undefined);
    },
    async close() {
      const started = await reader?.catch(() => undefined);
      reader = undefined;
      await started?.close();
    },
  };
}

function unreadable(cause: unknown): never {
  throw new TuError("E_IMAGE_NOT_AN_IMAGE", "the image cannot be decoded", {
    hint: "give a photograph as JPEG, PNG or WebP",
    cause,
  });
}
