import fc from "fast-check";
import { expect, test } from "vitest";
import { cut, cutMiddle, padded, piecesOf, widthOf } from "./width.ts";
import { wrap } from "./wrap.ts";

test("East Asian characters and emoji take two columns, what combines takes none", () => {
  expect(["機械", "🚜", "e\u0301", "👩‍🔧"].map(widthOf)).toEqual([4, 2, 1, 2]);
  expect(padded("機", 4)).toBe("機  ");
});

test("a truncated text is marked as such, and never ends in half a character", () => {
  expect(cut("機械機械", 6)).toBe("機械…");
  expect(cut("👩‍🔧👩‍🔧", 3)).toBe("👩‍🔧…");
  expect(cutMiddle("POST /internal/v1/storage/presign-put", 20)).toBe("POST /int…resign-put");
});

test("nothing is wider than it may be, and wrapping loses nothing", () => {
  const text = fc.string({ unit: "grapheme" }).filter((some) => !/\s/.test(some));
  fc.assert(
    fc.property(text, fc.integer({ min: 4, max: 30 }), (some, width) => {
      expect(widthOf(cut(some, width))).toBeLessThanOrEqual(width);
      expect(widthOf(cutMiddle(some, width))).toBeLessThanOrEqual(width);
      for (const line of wrap(some, width)) expect(widthOf(line)).toBeLessThanOrEqual(width);
      expect(piecesOf(some, width).join("")).toBe(some);
    }),
  );
});
