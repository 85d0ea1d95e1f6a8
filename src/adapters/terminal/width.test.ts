import fc from "fast-check";
import { expect, test } from "vitest";
import { cut, cutMiddle, padded, piecesOf, widthOf } from "./width.ts";
import { packed, wrap } from "./wrap.ts";

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

test("parts share a line where they fit, and break after punctuation where one alone does not", () => {
  const parts = ["metadata.sorted", "fanout, durable", "from metadata-service"];
  const at = (width: number) => packed(parts, { first: "→ ", next: "    ", width });
  expect(at(80)).toEqual(["→ metadata.sorted  fanout, durable  from metadata-service"]);
  expect(at(40)).toEqual(["→ metadata.sorted  fanout, durable", "    from metadata-service"]);
  expect(at(24)).toEqual([
    "→ metadata.sorted",
    "    fanout, durable",
    "    from",
    "    metadata-service",
  ]);
  expect(at(14)).toEqual([
    ...["→ metadata.", "    sorted", "    fanout,", "    durable"],
    ...["    from", "    metadata-", "    service"],
  ]);
});

test("a part that is whole is not broken", () => {
  const lines = packed(["a", "brand=Volvo,model=L90"], {
    ...{ first: "", next: "  ", width: 12, isWhole: true },
  });
  expect(lines).toEqual(["a", "  brand=Volvo,model=L90"]);
});
