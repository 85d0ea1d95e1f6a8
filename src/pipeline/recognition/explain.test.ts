import fc from "fast-check";
import { describe, expect, test, vi } from "vitest";
import type { ReadText, VisionHint } from "../ports/vision.ts";
import { explain } from "./explain.ts";
import { recognise } from "./recognise.ts";

function text(content: string, row: number, more: Partial<ReadText> = {}): ReadText {
  return {
    text: content,
    confidence: 0.95,
    box: { x: 0.1, y: 0.1 + row * 0.12, width: content.length * 0.02, height: 0.04 },
    preparation: "whole@960",
    ...more,
  };
}

const explained = (...texts: readonly ReadText[]) =>
  explain({ texts, hints: [] }, recognise(texts).aggregate).texts;

describe("what became of a text", () => {
  test("brand, model and type are taken, and say by which rule", () => {
    const [brand, model] = explained(text("KOMATSU", 0), text("PC210LC", 1));
    expect(brand).toMatchObject({
      text: { text: "KOMATSU" },
      meanings: [{ about: "brand", value: "Komatsu", isTaken: true, how: "brand name" }],
      why: null,
    });
    expect(model?.meanings).toMatchObject([
      { about: "model", value: "PC210LC", isTaken: true },
      { about: "type", value: "Excavator", isTaken: true, how: "series of PC210LC" },
    ]);
  });

  test("one text may be two things, and two texts one", () => {
    const [joined] = explained(text("CAT930G", 0));
    expect(joined?.meanings.map(({ about }) => about)).toEqual(["brand", "model", "type"]);
    const beside = { box: { x: 0.15, y: 0.22, width: 0.06, height: 0.04 } };
    const [, first, second] = explained(
      text("KOMATSU", 0),
      text("PC", 1, { box: { x: 0.1, y: 0.22, width: 0.04, height: 0.04 } }),
      text("210", 1, beside),
    );
    expect(first?.meanings[0]).toMatchObject({ about: "model", value: "PC210" });
    expect(second?.meanings).toEqual(first?.meanings);
  });

  test("what was ignored says why, once", () => {
    const [, phone, company] = explained(
      text("CAT", 0),
      text("+47 22 33 44 55", 1),
      text("Smith CAT Hire Ltd", 2),
    );
    expect(phone?.meanings).toMatchObject([
      { about: "ignored", value: "+47 22 33 44 55", how: "phone or serial number" },
    ]);
    expect(company?.meanings).toMatchObject([
      { about: "ignored", value: "Smith CAT Hire Ltd", how: "part of a company's name" },
    ]);
  });

  test("a brand that was read and lost to another is not taken", () => {
    const [, , rival] = explained(
      text("KOMATSU", 0),
      text("PC210LC", 1),
      text("BOBCAT", 2, { confidence: 0.5 }),
    );
    expect(rival?.meanings).toMatchObject([{ about: "brand", value: "Bobcat", isTaken: false }]);
  });

  test.each([
    ["READYMIX", {}, "no known brand or model"],
    ["PC210LC", {}, "a model of Komatsu, which was not read"],
    ["XYZ", { confidence: 0.1 }, "confidence too low"],
    ["--", {}, "no letters or digits"],
  ])("%s is not understood: %s %s", (content, more, why) => {
    const [, last] = explained(text("CAT", 0), text(content, 1, more));
    expect(last).toMatchObject({ meanings: [], why });
  });
});

test("a hint says what it was good for, and gives a model that is written its brand", () => {
  const hint = (source: VisionHint["source"], content: string): VisionHint => ({
    source,
    text: content,
    score: 0.9,
    box: null,
  });
  const reading = {
    texts: [text("DX225LC", 0)],
    hints: [hint("label", "Asphalt"), hint("logo", "Doosan")],
  };
  const { aggregate } = recognise(reading.texts, reading.hints);
  const { hints, texts } = explain(reading, aggregate);
  expect(hints).toMatchObject([
    { hint: { source: "logo" }, meanings: [{ about: "brand", value: "Doosan", isTaken: true }] },
    { hint: { source: "label" }, meanings: [{ about: "ignored", isTaken: false }] },
  ]);
  expect(texts[0]?.meanings[0]).toMatchObject({ about: "model", value: "DX225LC", isTaken: true });
});

test("every text is explained exactly once, in its place, whatever was read", () => {
  const anyText = fc.record({
    text: fc.oneof(fc.string(), fc.constantFrom("CAT", "930G", "KOMATSU", "PC 200", "FLEET 12")),
    confidence: fc.double({ min: 0, max: 1, noNaN: true }),
    box: fc.record({
      x: fc.double({ min: 0, max: 1, noNaN: true }),
      y: fc.double({ min: 0, max: 1, noNaN: true }),
      width: fc.double({ min: 0, max: 1, noNaN: true }),
      height: fc.double({ min: 0, max: 1, noNaN: true }),
    }),
    preparation: fc.constantFrom("a", "b"),
  });
  fc.assert(
    fc.property(fc.array(anyText, { maxLength: 12 }), (texts) => {
      const all = explained(...texts);
      expect(all.map((item) => item.text)).toEqual(texts);
      for (const { meanings, why } of all) expect(why === null).toBe(meanings.length > 0);
    }),
  );
});

test("a picture with twice the texts is twice the work", () => {
  const screenshot = (count: number) =>
    Array.from({ length: count }, (_, row) => text("READYMIX", row));
  const once = namesComparedFor(() => explained(...screenshot(40)));
  expect(namesComparedFor(() => explained(...screenshot(80)))).toBeLessThan(2.2 * once);
});

/** How often a brand name is compared with the start of a word. */
function namesComparedFor(work: () => unknown): number {
  const comparing = vi.spyOn(String.prototype, "startsWith");
  try {
    work();
    return comparing.mock.calls.length;
  } finally {
    comparing.mockRestore();
  }
}
