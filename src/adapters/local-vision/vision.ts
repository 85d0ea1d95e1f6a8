import type { ReadText, Vision, VisionProvider } from "../../pipeline/ports.ts";
import { type Reader, startReader, type Word } from "./reader.ts";

const provider: VisionProvider = {
  name: "local",
  apiVersion: "v1",
  featureset: ["TextDetection", "ImageProperties"],
  maxResults: null,
  reasoningName: null,
  reasoningModel: null,
};

export function createLocalVision(): Vision {
  let reader: Promise<Reader> | undefined;
  const open = (): Promise<Reader> => {
    reader ??= startReader();
    return reader;
  };
  return {
    async read(image, { isEnough, signal }) {
      const { default: sharp } = await import("sharp");
      const started = await open();
      const { data, info } = await sharp(image)
        .rotate()
        .grayscale()
        .resize({ width: 1600, height: 1600, fit: "inside", withoutEnlargement: true })
        .png({ compressionLevel: 1 })
        .toBuffer({ resolveWithObject: true });
      signal?.throwIfAborted();
      const words = await started.read(data, "page");
      const texts = words.map((word) => toReadText(word, info, "gray@1600"));
      isEnough(texts);
      return { provider, texts };
    },
    warmUp() {
      open().catch(() => undefined);
    },
    async close() {
      const started = await reader?.catch(() => undefined);
      await started?.close();
      reader = undefined;
    },
  };
}

function toReadText(
  word: Word,
  { width, height }: { width: number; height: number },
  preparation: string,
): ReadText {
  const { x0, y0, x1, y1 } = word.box;
  return {
    text: word.text,
    confidence: word.confidence,
    box: { x: x0 / width, y: y0 / height, width: (x1 - x0) / width, height: (y1 - y0) / height },
    preparation,
  };
}
