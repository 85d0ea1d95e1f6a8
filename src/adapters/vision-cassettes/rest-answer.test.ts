import { describe, expect, test } from "vitest";
import { readRestAnswers } from "./rest-answer.ts";

const single = { labelAnnotations: [{ description: "Excavator", score: 0.9 }] };
const utf8 = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const read = (bytes: Uint8Array) => readRestAnswers(bytes, "answer.json");

describe("an answer as the REST API prints it", () => {
  test.each([
    ["a whole response", utf8({ responses: [single] })],
    ["a single answer", utf8(single)],
    [
      "with a byte order mark",
      new Uint8Array([0xef, 0xbb, 0xbf, ...utf8({ responses: [single] })]),
    ],
  ])("%s", (_, bytes) => {
    expect(read(bytes)).toEqual([single]);
  });

  test("of nothing found, and of several pictures", () => {
    expect(read(utf8({ responses: [{}, single] }))).toEqual([{}, single]);
  });
});

describe("what is no answer", () => {
  const utf16 = (mark: readonly number[]) =>
    new Uint8Array([...mark, ...Buffer.from(JSON.stringify(single), "utf16le")]);
  test.each([
    ["UTF-16, little endian", utf16([0xff, 0xfe]), "is UTF-16 text; save it as UTF-8"],
    ["UTF-16, big endian", utf16([0xfe, 0xff]), "is UTF-16 text"],
    ["no text", new Uint8Array([0x89, 0xff, 0x00]), "is not UTF-8 text"],
    ["no JSON", new TextEncoder().encode("<html>"), "is not JSON"],
    ["nothing", new Uint8Array(), "is not JSON"],
    ["no object", utf8([single]), "is not a Google Vision response"],
    ["another object", utf8({ name: "x" }), "is not a Google Vision response"],
    ["no responses", utf8({ responses: [] }), "is not a Google Vision response"],
    [
      "an error",
      utf8({ error: { code: 403, message: "Enable the API", status: "PERMISSION_DENIED" } }),
      "holds an error: PERMISSION_DENIED, Enable the API",
    ],
    [
      "an error for one picture",
      utf8({ responses: [{}, { error: { code: 3, message: "Bad image data." } }] }),
      "holds an error as response 2: 3, Bad image data.",
    ],
  ])("%s", (_, bytes, what) => {
    expect(() => read(bytes)).toThrow(
      expect.objectContaining({
        code: "E_VISION_ANSWER_INVALID",
        message: expect.stringContaining(`answer.json ${what}`),
      }),
    );
  });
});
