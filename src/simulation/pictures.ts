import { TuError } from "../pipeline/errors.ts";
import type { Images } from "../pipeline/ports/images.ts";
import type { Vision } from "../pipeline/ports/vision.ts";
import { type Nature, pause } from "./faults.ts";
import type { Life } from "./scheduler.ts";

// Image operations; pictures are text here.

/** Reads the machine's name from the bytes, which are text here; fails as often as the weather specifies. */
export function createSimulatedVision(nature: Nature, life: Life): Vision {
  return {
    async read(image) {
      await pause(nature, life);
      const picture = new TextDecoder().decode(image);
      if (nature.random() < nature.weather().visionFails) {
        nature.ledger.note("vision", picture);
        throw new TuError("E_VISION_FAILED", "the simulated provider failed");
      }
      const words = picture.split(" ");
      return {
        provider: {
          name: "simulated",
          apiVersion: null,
          featureset: [],
          maxResults: null,
          reasoningName: null,
          reasoningModel: null,
        },
        texts: words.map((text, index) => ({
          text,
          confidence: 0.95,
          box: { x: 0.1 + 0.2 * index, y: 0.5, width: 0.15, height: 0.05 },
          preparation: "simulated",
        })),
        hints: [],
      };
    },
    atOnce: 2,
    warmUp: () => undefined,
    close: async () => undefined,
  };
}

export const simulatedImages: Images = {
  identify: async () => ({
    format: "jpeg",
    contentType: "image/jpeg",
    width: 640,
    height: 480,
    orientation: 1,
  }),
  verify: async () => undefined,
  perceptualHash: async (bytes) => {
    const [first = 0, second = 0] = bytes.slice(-2);
    return ((first * 256 + second) % 65_536).toString(16).padStart(4, "0").repeat(16);
  },
  colours: async () => [],
  exif: async () => ({
    capturedAt: null,
    location: null,
    camera: null,
    orientation: null,
    entries: [],
    problems: [],
  }),
};
