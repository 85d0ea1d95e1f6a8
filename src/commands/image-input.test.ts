import { expect, test } from "vitest";
import { TuError } from "../pipeline/errors.ts";
import { namingFile } from "./image-input.ts";

test("an error about an image names it, and keeps code and hint", () => {
  const error = new TuError("E_IMAGE_EMPTY", "the file is empty", { hint: "give another" });
  expect(namingFile("-", error)).toMatchObject({
    code: "E_IMAGE_EMPTY",
    message: "standard input: the file is empty",
    hint: "give another",
  });
  expect(namingFile("a.jpg", error)).toMatchObject({ message: "a.jpg: the file is empty" });
  const missing = new TuError("E_FILE_NOT_FOUND", "there is no file a.jpg");
  expect(namingFile("a.jpg", missing)).toBe(missing);
});
