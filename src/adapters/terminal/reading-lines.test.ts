import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ReadingLayout, readingLines, type ShownReading } from "./reading-lines.ts";
import { createPaint } from "./text.ts";
import { wrap } from "./wrap.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: what must not reach a terminal
const control = /[\u0000-\u001f\u007f-\u009f]/;
const layout = (more: Partial<ReadingLayout> = {}): ReadingLayout => ({
  paint: createPaint(false),
  width: Number.POSITIVE_INFINITY,
  isWhole: false,
  isReplayed: false,
  ...more,
});
type Text = ShownReading["texts"][number];
const text = (content: string, more: Partial<Text> = {}): Text => ({
  text: content,
  confidence: 0.9,
  box: { x: 0.1, y: 0.2, width: 0.3, height: 0.1 },
  degrees: 0,
  preparation: "whole@960",
  meanings: [],
  why: "no known brand or model",
  ...more,
});
const meaning = (more: Partial<Text["meanings"][number]>): Text["meanings"] => [
  { about: "brand", value: "Komatsu", confidence: 0.9, how: "brand name", isTaken: true, ...more },
];
const local = { name: "local", apiVersion: null, featureset: [], maxResults: null, runtime: null };
const komatsuPc210: ShownReading["machine"] = {
  brand: "Komatsu",
  model: "PC210LC",
  type: "Excavator",
  weight: null,
  year: null,
  attachment: null,
  confidence: 0.91,
  isConfident: true,
  typeConfidence: 0.9,
  typeSource: "model",
  name: "Komatsu PC210LC",
};
const reading = (...texts: readonly Text[]): ShownReading => ({
  image: { format: "jpeg", width: 4032, height: 3024 },
  provider: local,
  machine: komatsuPc210,
  texts: [...texts],
  hints: [],
  timings: [
    { name: "check", ms: 80 },
    { name: "read", ms: 1234 },
  ],
  annotated: null,
});

const komatsu = text("KOMATSU", { meanings: meaning({}), why: null });
const model = text("PC210LC", {
  degrees: 12,
  meanings: meaning({ about: "model", value: "PC210LC", how: "model of the brand's series" }),
});
const phone = text("+47 22 33 44 55", {
  meanings: meaning({
    about: "ignored",
    value: "x",
    how: "phone or serial number",
    isTaken: false,
  }),
});
const rival = text("BOBCAT", {
  confidence: 0.99,
  meanings: meaning({ value: "Bobcat", isTaken: false }),
});

test.each([
  ["local", "native 1.30.0", false, "local (native 1.30.0)"],
  ["local", null, false, "local"],
  ["vision", null, false, "Google Vision"],
  ["vision", null, true, "Google Vision, replayed"],
])("%s on %s, replayed %s, is read by %s", (name, runtime, isReplayed, shown) => {
  const lines = readingLines(
    { ...reading(), provider: { ...local, name, runtime } },
    layout({ isReplayed }),
  );
  expect(lines).toContain(`  picture   jpeg 4032×3024, read by ${shown}`);
});

describe("the table", () => {
  test("names the machine, then every text, best first", () => {
    const lines = readingLines(reading(text("READYMIX"), phone, rival, model, komatsu), layout());
    expect(lines[0]).toBe("✔ Komatsu · PC210LC · Excavator  confidence 0.91");
    const order = ["KOMATSU", "PC210LC", "BOBCAT", "+47 22", "READYMIX"].map((word) =>
      lines.findIndex((line) => line.startsWith(`  ${word}`)),
    );
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(order[0]).toBeGreaterThan(0);
    expect(lines.join("\n")).toContain("brand Bobcat, not used");
    expect(lines.join("\n")).toContain("ignored: phone or serial number");
    expect(lines.join("\n")).toContain("10%,20% 12°");
    expect(lines.join("\n")).toContain("time      check 80 ms, read 1234 ms");
  });

  test("texts that mean nothing are cut, and their number is said", () => {
    const texts = Array.from({ length: 20 }, (_, index) => text(`NOTHING${index}`));
    const cut = readingLines(reading(komatsu, ...texts), layout()).join("\n");
    expect(cut.match(/NOTHING/g)).toHaveLength(8);
    expect(cut).toContain("and 12 more without meaning; use --all to list them");
    const whole = readingLines(reading(komatsu, ...texts), layout({ isWhole: true })).join("\n");
    expect(whole.match(/NOTHING/g)).toHaveLength(20);
    expect(whole).not.toContain("more without meaning");
  });

  test.each([120, 80, 60, 59, 40, 20])("fits %i columns, and loses nothing of it", (width) => {
    const all = reading(komatsu, model, phone, rival, text("READYMIX ".repeat(4).trim()));
    const lines = readingLines(all, layout({ width }));
    for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(width);
    const words = lines.join(" ").split(/\s+/).join(" ");
    for (const part of ["KOMATSU", "series", "phone", "Bobcat"]) expect(words).toContain(part);
  });

  test("is data, whatever was read", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.constantFrom(40, 80, Number.POSITIVE_INFINITY),
        (content, width) => {
          const evil = text(content, { preparation: content, why: content });
          const meant = text(content, { meanings: meaning({ value: content, how: content }) });
          const lines = readingLines(
            {
              ...reading(evil, meant),
              annotated: content,
              provider: { ...local, name: content, runtime: content },
            },
            layout({ width }),
          );
          for (const line of lines) expect(line).not.toMatch(control);
        },
      ),
    );
  });

  test("what the provider says besides the text is in it", () => {
    const logo: ShownReading["hints"][number] = {
      ...{ source: "web_entity", text: "Komatsu Ltd", score: null, box: null },
      meanings: meaning({ how: "web entity" }),
    };
    const lines = readingLines({ ...reading(), hints: [logo] }, layout());
    const line = lines.find((one) => one.includes("Komatsu Ltd"));
    expect(line?.split(/\s{2,}/)).toEqual(
      expect.arrayContaining(["Komatsu Ltd", "-", "web entity"]),
    );
  });

  test("no text, and no machine, are said", () => {
    const unknown = { brand: null, model: null, type: null, confidence: 0, isConfident: false };
    const machine = { ...komatsuPc210, ...unknown };
    const lines = readingLines({ ...reading(), machine }, layout());
    expect(lines[0]).toBe("– no machine recognised  confidence 0.00 (low)");
    expect(lines).toContain("  no text was read");
  });
});

test("wrapping keeps every sign and the width", () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[a-z]{1,30}( [a-z]{1,30}){0,9}$/),
      fc.integer({ min: 1, max: 50 }),
      (content, width) => {
        const lines = wrap(content, width);
        for (const line of lines) expect(line.length).toBeLessThanOrEqual(width);
        expect(lines.join("").replaceAll(" ", "")).toBe(content.replaceAll(" ", ""));
      },
    ),
  );
});
