import { createHash } from "node:crypto";
import { printable } from "../adapters/terminal/text.ts";
import { counted } from "../pipeline/counted.ts";
import { exitCodes, TuError } from "../pipeline/errors.ts";
import { checkImage, tooLarge } from "../pipeline/operations/check-image.ts";
import { imageBytesMax } from "../pipeline/steps/image-access.ts";
import { openInput } from "./compose-images.ts";
import { openImport } from "./compose-vision.ts";
import { loadSettings } from "./config.ts";
import { namingFile } from "./image-input.ts";
import { type Format, formatOf, printJson, printLine } from "./output.ts";
import type { Work } from "./work.ts";

/** Options as validated by commander. */
type Options = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly image?: readonly string[];
  readonly visionDir?: string;
  readonly stateDir?: string;
};
type Input = Awaited<ReturnType<typeof openInput>>;
type Imported = {
  readonly image: string;
  readonly sha256: string;
  readonly features: readonly string[];
  readonly file: string;
  readonly replaced: boolean;
  readonly texts: number;
  readonly hints: number;
};

/** An answer lists every word with its corners; a poster takes a few hundred kilobytes. */
const answerBytesMax = 64 * 1024 * 1024;

/** Makes a cassette of each answer in a file, for the pictures in order. */
export async function importCommand(answerFile: string, options: Options): Promise<Work> {
  const { stateDir } = options;
  const { visionDir } = await loadSettings({ stateDir, visionDir: options.visionDir });
  return () => importAnswers(answerFile, options, visionDir);
}

async function importAnswers(
  answerFile: string,
  options: Options,
  visionDir: string,
): Promise<number> {
  const input = await openInput();
  const { read, store, takeAnswers } = await openImport(visionDir, input.images);
  const answers = takeAnswers(await readAnswer(answerFile, input), nameOf(answerFile));
  const paths = options.image ?? [];
  if (answers.length !== paths.length) throw unequal(answerFile, answers.length, paths.length);
  // All are checked before the first is written.
  const pictures = await Promise.all(paths.map((path) => readPicture(path, input)));
  requireDifferent(pictures);
  const imported: Imported[] = [];
  for (const [index, picture] of pictures.entries()) {
    const replaced = await isHeld(store, picture.bytes);
    const { cassette, file } = await store.save(picture.bytes, answers[index]);
    const {
      features,
      picture: { sha256 },
    } = cassette;
    const { hints, texts } = await read(picture.bytes, cassette.answer);
    const counts = { texts: texts.length, hints: hints.length };
    imported.push({ image: picture.path, sha256, features, file, replaced, ...counts });
  }
  print(imported, options);
  return exitCodes.done;
}

/** An unreadable cassette is replaced like any other. */
async function isHeld(
  store: Awaited<ReturnType<typeof openImport>>["store"],
  image: Uint8Array,
): Promise<boolean> {
  try {
    return (await store.find(image)) !== undefined;
  } catch (error) {
    if (error instanceof TuError && error.code === "E_CASSETTE_INVALID") return true;
    throw error;
  }
}

async function readAnswer(path: string, { read }: Input): Promise<Uint8Array> {
  const onTooLarge = (sizeBytes: number) =>
    new TuError("E_VISION_ANSWER_INVALID", `${nameOf(path)} has ${counted(sizeBytes, "byte")}`, {
      hint: "check the file; a response has a few hundred thousand bytes at most",
    });
  const { signal } = new AbortController();
  try {
    return await read(path, { bytesMax: answerBytesMax, onTooLarge, signal });
  } catch (error) {
    throw hintedIfDirectory(error, "name the file that holds the response");
  }
}

async function readPicture(path: string, { images, read }: Input) {
  const { signal } = new AbortController();
  try {
    const bytes = await read(path, { bytesMax: imageBytesMax, onTooLarge: tooLarge, signal });
    await checkImage(bytes, images);
    return { path, bytes };
  } catch (error) {
    throw namingFile(path, hintedIfDirectory(error, "name one picture per --image"));
  }
}

/** A response or a picture is one file: the hint for images, all of those in the directory, does not fit. */
function hintedIfDirectory(error: unknown, hint: string): unknown {
  return error instanceof TuError && error.code === "E_FILE_IS_DIRECTORY"
    ? new TuError(error.code, error.message, { hint, cause: error })
    : error;
}

const nameOf = (path: string) => (path === "-" ? "standard input" : path);

/** A picture has one cassette: the second answer would replace the first. */
function requireDifferent(pictures: readonly Awaited<ReturnType<typeof readPicture>>[]): void {
  const paths = new Map<string, string>();
  for (const { bytes, path } of pictures) {
    const content = createHash("sha256").update(bytes).digest("hex");
    const other = paths.get(content);
    if (other !== undefined) throw sameTwice(other, path);
    paths.set(content, path);
  }
}

function sameTwice(first: string, second: string): TuError {
  const message =
    first === second ? `${first} is given twice` : `${first} and ${second} are the same picture`;
  return new TuError("E_USAGE", message, { hint: "name each picture once, with its own response" });
}

function unequal(file: string, answers: number, pictures: number): TuError {
  const message = `${nameOf(file)} holds ${counted(answers, "response")}, but ${counted(pictures, "picture")} ${pictures === 1 ? "is" : "are"} given`;
  return new TuError("E_USAGE", message, {
    hint: "give one --image per response, in the same order",
  });
}

function print(cassettes: readonly Imported[], options: Options): void {
  const format = formatOf(options);
  if (format !== "text") {
    printJson({ schema: "tu-analyze/vision-import@1", cassettes }, format);
    return;
  }
  for (const { file, hints, image, replaced, texts } of cassettes) {
    const what = `${counted(texts, "text")}, ${counted(hints, "hint")}${replaced ? ", replaced" : ""}`;
    printLine(`${printable(image)} → ${printable(file)} (${what})`);
  }
  printLine("replay them with `tu-analyze upload <image> --vision replay`");
}
