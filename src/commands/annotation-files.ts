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

const formats: Readonly<Record<string, AnnotationFile["format"]>> = {
  ".png": "png",
  ".jpg": "jpeg",
  ".jpeg": "jpeg",
  ".webp": "webp",
};

/**
 * One file per image, in order. A target that is a directory, or that several images share, gets `<name of the
 * image>.png` for each; otherwise it is the file itself. Throws E_USAGE, E_FILE_IS_DIRECTORY, E_FILE_NOT_FOUND and
 * E_OUTPUT, before any image is read.
 */
export async function annotationFiles(
  images: readonly string[],
  target: string,
  files: Files,
): Promise<readonly AnnotationFile[]> {
  const isDirectory = await files.isDirectory(target);
  const isFolder = isDirectory || images.length > 1;
  if (isFolder && !isDirectory && formatOf(target) !== undefined) {
    throw new TuError("E_USAGE", `--annotate ${target} is one file for ${images.length} images`, {
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
