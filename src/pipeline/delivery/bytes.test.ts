import fc from "fast-check";
import { expect, test } from "vitest";
import { fromLatin1, toLatin1 } from "./bytes.ts";

test("any bytes are a character each, and come back", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = toLatin1(bytes);
      expect(text).toHaveLength(bytes.length);
      expect([...text].every((char, at) => char.charCodeAt(0) === bytes[at])).toBe(true);
      expect(fromLatin1(text)).toEqual(bytes);
    }),
  );
});

test.each([
  ["a byte order mark", [0xef, 0xbb, 0xbf, 65]],
  ["bytes that are no UTF-8", [0xff, 0xfe]],
  ["a replacement character", [0xef, 0xbf, 0xbd]],
  ["more than one piece", Array.from({ length: 20_000 }, (_, at) => at % 256)],
])("%s", (_, values) => {
  const bytes = Uint8Array.from(values);
  expect(fromLatin1(toLatin1(bytes))).toEqual(bytes);
  expect(toLatin1(bytes)).toHaveLength(bytes.length);
});
