import type { Sharp } from "sharp";
import { TuError } from "../../pipeline/errors.ts";
import type { ImageHeader, Images } from "../../pipeline/ports/images.ts";
import { coloursOf } from "./colours.ts";
import { readContainer } from "./container.ts";
import { readExif } from "./exif.ts";
import { formatOf, notAnImage, truncated } from "./format.ts";
import { hashOf, hashSide } from "./perceptual-hash.ts";

const mostPixels = 50_000_000;
const colourSide = 96;

/** The `Images` port over sharp. Headers and EXIF are parsed here, so that inspecting them decodes nothing. */
export function createImages(): Images {
  return {
    async identify(bytes) {
      return identify(bytes);
    },
    async verify(bytes) {
      identify(bytes);
      const read = (image: Sharp) => image.resize(16, 16, { fit: "fill", fastShrinkOnLoad: false });
      await decode(bytes, read);
    },
    async perceptualHash(bytes) {
      identify(bytes);
      return hashOf(
        await decode(bytes, (image) =>
          image.autoOrient().flatten().grayscale().resize(hashSide, hashSide, { fit: "fill" }),
        ),
      );
    },
    async colours(bytes) {
      identify(bytes);
      const shrink = (image: Sharp) =>
        image.resize(colourSide, colourSide, { fit: "fill" }).flatten().toColourspace("srgb");
      return coloursOf(await decode(bytes, shrink));
    },
    async exif(bytes) {
      try {
        return readExif(readContainer(formatOf(bytes), bytes).exif);
      } catch (cause) {
        if (!(cause instanceof TuError)) throw cause;
        return { ...readExif(null), problems: [cause.message] };
      }
    },
  };
}

function identify(bytes: Uint8Array): ImageHeader {
  const format = formatOf(bytes);
  const { width, height, exif } = readContainer(format, bytes);
  if (width * height > mostPixels) {
    throw new TuError("E_IMAGE_TOO_MANY_PIXELS", `the image has ${width} × ${height} pixels`, {
      hint: "at most 50 megapixels are accepted; scale it down first",
    });
  }
  const orientation = readExif(exif).orientation ?? 1;
  return { format, contentType: `image/${format}`, width, height, orientation };
}

async function decode(bytes: Uint8Array, prepare: (image: Sharp) => Sharp): Promise<Uint8Array> {
  const { default: sharp } = await import("sharp");
  try {
    const image = sharp(bytes, { failOn: "error", limitInputPixels: mostPixels });
    return await prepare(image).raw().toBuffer();
  } catch (cause) {
    // The structure decides which of the two it is; the decoder's messages differ between versions.
    const { isComplete } = readContainer(formatOf(bytes), bytes);
    throw isComplete ? notAnImage("the image's data is damaged", cause) : truncated(cause);
  }
}
