import { expect, test } from "vitest";
import type { Images } from "../ports/images.ts";
import { checkImage, tooLarge } from "./check-image.ts";

const mebibytes = 1024 * 1024;
const header = { format: "png", contentType: "image/png", width: 1, height: 1, orientation: 1 };
function imagesOf(asked: string[]): Images {
  return {
    identify: async () => {
      asked.push("identify");
      return header;
    },
    verify: async () => void asked.push("verify"),
  } as unknown as Images; // nothing else is called
}

test("an image is looked at, cheapest first", async () => {
  const asked: string[] = [];
  expect(await checkImage(new Uint8Array(10 * mebibytes), imagesOf(asked))).toEqual(header);
  expect(asked).toEqual(["identify", "verify"]);
});

test("one byte more than 10 MiB is refused before the image is read", async () => {
  const asked: string[] = [];
  const checking = checkImage(new Uint8Array(10 * mebibytes + 1), imagesOf(asked));
  await expect(checking).rejects.toMatchObject({
    code: "E_IMAGE_TOO_LARGE",
    message: "the image has more than 10 MiB; the limit is 10 MiB",
  });
  expect(asked).toEqual([]);
  expect(tooLarge(20_000_000).message).toContain("20000000 bytes");
});
