import { TuError } from "../errors.ts";
import type { ImageHeader, Images } from "../ports/images.ts";
import { imageBytesMax } from "../steps/image-access.ts";

/**
 * Checks an image before it is uploaded, cheapest checks first. Throws E_IMAGE_EMPTY, E_IMAGE_TOO_LARGE,
 * E_IMAGE_NOT_AN_IMAGE, E_IMAGE_TYPE_REFUSED, E_IMAGE_TOO_MANY_PIXELS, E_IMAGE_TRUNCATED.
 */
export async function checkImage(bytes: Uint8Array, images: Images): Promise<ImageHeader> {
  if (bytes.length > imageBytesMax) throw tooLarge(bytes.length);
  const header = await images.identify(bytes);
  await images.verify(bytes);
  return header;
}

export function tooLarge(sizeBytes: number): TuError {
  const seen = sizeBytes > imageBytesMax + 1 ? `${sizeBytes} bytes` : "more than 10 MiB";
  return new TuError("E_IMAGE_TOO_LARGE", `the image has ${seen}; the limit is 10 MiB`, {
    hint: "save it smaller or with more compression, for example as JPEG at quality 85",
  });
}
