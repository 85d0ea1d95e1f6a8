import type { InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { alphabetOf, decode } from "../../pipeline/scene-text/decode.ts";
import type { Eyes } from "../../pipeline/scene-text/eyes.ts";
import type { Picture } from "../../pipeline/scene-text/picture.ts";
import { stripHeight } from "../../pipeline/scene-text/strip.ts";
import type { Models } from "./models.ts";

/** The two networks of PP-OCR: where text is, and what it says. */
export type Networks = Pick<Eyes, "detect" | "recognise">;
/** A plan of the memory for each size of the input would be kept for good, and sizes differ. */
const sessionOptions = { enableMemPattern: false };
/** What is used of ONNX Runtime. */
export type Runtime = {
  readonly InferenceSession: {
    create(model: Uint8Array, options: typeof sessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => Tensor;
};

export async function loadNetworks(runtime: Runtime, models: Models): Promise<Networks> {
  const detection = await runtime.InferenceSession.create(models.detection, sessionOptions);
  const recognition = await runtime.InferenceSession.create(models.recognition, sessionOptions);
  const alphabet = alphabetOf(models.dictionary);
  const run = async (session: InferenceSession, data: Float32Array, dims: readonly number[]) => {
    const input = { [session.inputNames[0] ?? ""]: new runtime.Tensor("float32", data, dims) };
    const result = (await session.run(input))[session.outputNames[0] ?? ""];
    if (!(result?.data instanceof Float32Array)) throw new Error("the network gave no numbers");
    return { data: result.data, dims: result.dims };
  };
  return {
    async detect(picture) {
      const [width, height] = [toGrid(picture.width), toGrid(picture.height)];
      const planes = normalised(picture, width, height);
      return { width, height, data: (await run(detection, planes, [1, 3, height, width])).data };
    },
    async recognise({ data, width }) {
      const result = await run(recognition, data, [1, 3, stripHeight, width]);
      return decode(result.data, result.dims[1] ?? 0, alphabet);
    },
  };
}

/** The detector halves its input five times. */
function toGrid(pixels: number): number {
  return Math.ceil(pixels / 32) * 32;
}

const mean = [0.485, 0.456, 0.406] as const;
const deviation = [0.229, 0.224, 0.225] as const;

/** As the detector was trained: planes of blue, green and red about their means; padded with black. */
function normalised({ data, ...picture }: Picture, width: number, height: number): Float32Array {
  const planes = new Float32Array(3 * width * height);
  for (let channel = 0; channel < 3; channel += 1) {
    const [middle, spread] = [mean[channel] ?? 0, deviation[channel] ?? 1];
    planes.fill(-middle / spread, channel * width * height, (channel + 1) * width * height);
    for (let y = 0; y < picture.height; y += 1) {
      const to = (channel * height + y) * width;
      const from = 3 * y * picture.width + 2 - channel;
      for (let x = 0; x < picture.width; x += 1) {
        planes[to + x] = ((data[from + 3 * x] ?? 0) / 255 - middle) / spread;
      }
    }
  }
  return planes;
}
