import { readFile } from "node:fs/promises";
import type { Env, InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { alphabetOf, decode } from "../../pipeline/scene-text/decode.ts";
import { planesOf } from "../../pipeline/scene-text/planes.ts";
import { stripHeight } from "../../pipeline/scene-text/strip.ts";
import type { TextNetworks } from "../../pipeline/scene-text/text-networks.ts";
import type { ModelFiles } from "./models.ts";

/** The two networks of PP-OCR: where text is, and what it says. */
export type Networks = Pick<TextNetworks, "detect" | "recognise">;
/** What is used of ONNX Runtime. */
export type OnnxRuntime = {
  readonly InferenceSession: {
    create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession>;
  };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => Tensor;
  readonly env: Env;
};

/** Each is loaded when it is first asked for, or told to `prepare`. */
export type LazyNetworks = Networks & { prepare(network: keyof Networks): Promise<unknown> };

export function lazyNetworks(
  runtime: Pick<OnnxRuntime, "InferenceSession" | "Tensor">,
  models: ModelFiles,
  options: InferenceSession.SessionOptions,
): LazyNetworks {
  // A plan of the memory for each size of the input would be kept for good, and sizes differ.
  const load = async (file: string) =>
    runtime.InferenceSession.create(await readFile(file), { ...options, enableMemPattern: false });
  const detector = lazily(() => load(models.detection));
  const recogniser = lazily(() => load(models.recognition));
  const alphabet = lazily(async () => alphabetOf(await readFile(models.dictionary, "utf8")));
  const run = async (session: InferenceSession, data: Float32Array, dims: readonly number[]) => {
    const input = { [session.inputNames[0] ?? ""]: new runtime.Tensor("float32", data, dims) };
    const result = (await session.run(input))[session.outputNames[0] ?? ""];
    if (!(result?.data instanceof Float32Array)) throw new Error("the network gave no numbers");
    return { data: result.data, dims: result.dims };
  };
  return {
    prepare: (network) => (network === "detect" ? detector() : recogniser()),
    async detect(picture) {
      const { width, height, data } = planesOf(picture);
      const result = await run(await detector(), data, [1, 3, height, width]);
      return { width, height, data: result.data };
    },
    async recognise({ data, width }) {
      const result = await run(await recogniser(), data, [1, 3, stripHeight, width]);
      return decode(result.data, result.dims[1] ?? 0, await alphabet());
    },
  };
}

function lazily<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
