import { basename, extname, join, resolve } from "node:path";
import { TuError } from "../pipeline/errors.ts";

// Where one invocation writes its annotated pictures.

export type AnnotationFile = {
  readonly path: string;
  readonly format: "png" | "jpeg" | "webp";
};
type Files = {
  isDirectory(path: string): Promise<boolean>;
  makeDirectory(path: string): Promise<void>;
  requireWritable(path: string, inputs: readonly string[]): Promise<void>;
};

type Wanted = {
  readonly images: readonly string[];
  /** Several images, or one that is treated like several. */
  readonly isBatch: boolean;
  readonly target: string;
};

const formats: Readonly<Record<string, AnnotationFile["format"]>> = {
  ".png": "png",
  ".jpg": "jpeg",
  ".jpeg": "jpeg",
  ".webp": "webp",
};

/**
 * One file per image, in order. A target that is a directory, or that a batch shares, gets `<name of the image>.png`
 * for each; otherwise it is the file itself. Throws E_USAGE, E_FILE_IS_DIRECTORY, E_FILE_NOT_FOUND, E_OUTPUT and
 * E_OUTPUT_UNWRITABLE, before any image is read.
 */
export async function annotationFiles(
  { images, isBatch, target }: Wanted,
  files: Files,
): Promise<readonly AnnotationFile[]> {
  if (target === "") {
    const hint = "name a file such as out.png, or a directory";
    throw new TuError("E_USAGE", "--annotate must not be empty", { hint });
  }
  const isDirectory = await files.isDirectory(target);
  const isFolder = isDirectory || isBatch || /[/\\]$/.test(target);
  if (isFolder && !isDirectory && formatOf(target) !== undefined) {
    const forWhat = images.length > 1 ? `${images.length} images` : "a batch";
    throw new TuError("E_USAGE", `--annotate ${target} is one file for ${forWhat}`, {
      hint: "name a directory; each image gets a file in it",
    });
  }
  const planned = isFolder ? inFolder(images, target) : [fileNamed(target)];
  if (isFolder) await files.makeDirectory(target);
  for (const { path } of planned) await files.requireWritable(path, images);
  return planned;
}

function fileNamed(path: string): AnnotationFile {
  const format = formatOf(path);
  if (format !== undefined) return { path, format };
  throw new TuError("E_USAGE", `--annotate ${path} has no supported extension`, {
    hint: "use .png, .jpg, .jpeg or .webp, or name an existing directory",
  });
}

function inFolder(images: readonly string[], folder: string): readonly AnnotationFile[] {
  const taken = new Map<string, string>();
  return images.map((image): AnnotationFile => {
    const name = image === "-" ? "stdin" : basename(image);
    const path = join(folder, `${name}.png`);
    const other = taken.get(path);
    if (other !== undefined && resolve(other) !== resolve(image)) {
      throw new TuError("E_USAGE", `${other} and ${image} would both be drawn into ${path}`, {
        hint: "recognise them in separate runs",
      });
    }
    taken.set(path, image);
    return { path, format: "png" };
  });
}

function formatOf(path: string): AnnotationFile["format"] | undefined {
  return formats[extname(path).toLowerCase()];
}
