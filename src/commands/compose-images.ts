// What commands need of images, without the pipeline around them. Names adapters, like compose.ts.

import type { Clock } from "../pipeline/ports/clock.ts";
import type { Images } from "../pipeline/ports/images.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import type { Vision } from "../pipeline/ports/vision.ts";
import { openVision, type VisionOptions } from "./compose-vision.ts";

/** What a command needs of an image before there is a pipeline. */
export async function openInput() {
  const { readInput } = await import("../adapters/filesystem/input.ts");
  const { createImages } = await import("../adapters/images/images.ts");
  return { read: readInput, images: createImages() };
}

/** What reads a picture, and nothing of the pipeline around it. */
export type PictureReader = {
  readonly vision: Vision;
  readonly images: Images;
  readonly clock: Clock;
  close(): Promise<void>;
};

export async function openPictureReader(
  options: VisionOptions,
  reporter: Pick<Reporter, "notice">,
): Promise<PictureReader> {
  const { images, vision } = await openReading(options, reporter);
  const { createSystemClock } = await import("../adapters/memory/clock.ts");
  return { vision, images, clock: createSystemClock(), close: () => vision.close() };
}

/** Starts the reader warming up immediately. */
export async function openReading(
  options: VisionOptions,
  reporter: Pick<Reporter, "notice">,
): Promise<{ images: Images; vision: Vision }> {
  const { createImages } = await import("../adapters/images/images.ts");
  const images = createImages();
  const vision = await openVision(options, { images, reporter });
  vision.warmUp();
  return { images, vision };
}

/** Draws what was read on a picture, and writes it where it is wanted. */
export async function openAnnotation() {
  const { annotate } = await import("../adapters/images/annotate.ts");
  const files = await import("../adapters/filesystem/output.ts");
  const { isDirectory, makeDirectory, requireWritable, writeOutput } = files;
  return { annotate, isDirectory, makeDirectory, requireWritable, write: writeOutput };
}
