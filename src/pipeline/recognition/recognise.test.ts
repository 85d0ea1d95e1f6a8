import { describe, expect, test } from "vitest";
import type { ReadText } from "../ports/vision.ts";
import { isEnough, recognise } from "./recognise.ts";

/** One line per string, words one space apart, each read with the same confidence. */
function read(...lines: readonly string[]): readonly ReadText[] {
  return lines.flatMap((line, row) => {
    const words = line.split(" ");
    return words.map((text, column) => ({
      text,
      confidence: 0.92,
      box: {
        x: 0.05 + words.slice(0, column).join(" ").length * 0.02 + column * 0.01,
        y: 0.1 + row * 0.12,
        width: text.length * 0.02,
        height: 0.04,
      },
      preparation: "gray@1600",
    }));
  });
}

const machine = (...lines: readonly string[]) => {
  const { brand, type, model } = recognise(read(...lines)).aggregate;
  return { brand, type, model };
};

describe("brand and model", () => {
  test.each([
    [["CAT", "930G"], "Caterpillar", "Wheel Loader", "930G"],
    [["CATERPILLAR 320D"], "Caterpillar", "Excavator", "320D"],
    [["CAT D6T"], "Caterpillar", "Bulldozer", "D6T"],
    [["CAT", "140M"], "Caterpillar", "Motor Grader", "140M"],
    [["CAT 740"], "Caterpillar", "Dump Truck", "740"],
    [["CAT", "432F"], "Caterpillar", "Backhoe Loader", "432F"],
    [["KOMATSU", "PC200-8"], "Komatsu", "Excavator", "PC200-8"],
    [["KOMATSU", "PC 200"], "Komatsu", "Excavator", "PC200"],
    [["K O M A T S U", "WA380"], "Komatsu", "Wheel Loader", "WA380"],
    [["VOLVO", "L120H"], "Volvo", "Wheel Loader", "L120H"],
    [["Volvo EC220E"], "Volvo", "Excavator", "EC220E"],
    [["HITACHI", "ZAXIS 210LC"], "Hitachi", "Excavator", "ZAXIS210LC"],
    [["JCB", "3CX"], "JCB", "Backhoe Loader", "3CX"],
    [["JCB 531-70"], "JCB", "Telehandler", "531-70"],
    [["LIEBHERR", "R 920"], "Liebherr", "Excavator", "R 920"],
    [["JOHN DEERE", "310SL"], "John Deere", "Backhoe Loader", "310SL"],
    [["DEERE", "644K"], "John Deere", "Wheel Loader", "644K"],
    [["CASE", "580ST"], "CASE", "Backhoe Loader", "580ST"],
    [["NEW HOLLAND", "W190D"], "New Holland", "Wheel Loader", "W190D"],
    [["LINK-BELT", "250 X4"], "Link-Belt", "Excavator", "250X4"],
    [["SANY", "SY215C-9LC"], "Sany", "Excavator", "SY215C-9LC"],
    [["HYUNDAI", "250LC-9"], "Hyundai", "Excavator", "250LC-9"],
    [["HYUNDAI", "ROBEX 210LC-7"], "Hyundai", "Excavator", "ROBEX210LC-7"],
    [["HYUNDAI HEAVY INDUSTRIES", "R250LC-9"], "Hyundai", "Excavator", "R250LC-9"],
    [["HITACHI CONSTRUCTION MACHINERY", "EX270LC"], "Hitachi", "Excavator", "EX270LC"],
    [["DOOSAN INFRACORE", "DX225LC"], "Doosan", "Excavator", "DX225LC"],
    [["SHANTUI", "SD16"], "Shantui", "Bulldozer", "SD16"],
    [["GEHL", "R190"], "Gehl", "Skid Steer Loader", "R190"],
    [["VÖGELE", "SUPER 1800-3I"], "Vögele", "Paver", "SUPER1800-3I"],
  ])("%j", (lines, brand, type, model) => {
    expect(machine(...lines)).toEqual({ brand, type, model });
  });

  test.each([
    ["a space inside the number", ["CAT", "9 30G"], "930G"],
    ["a space before the letter", ["CAT", "930 G"], "930G"],
    ["brand and model joined", ["CAT930G"], "930G"],
    ["brand, model and suffix joined", ["KOMATSUPC200-8"], "PC200-8"],
    ["a suffix in a word of its own", ["KOMATSU", "PC200 -8"], "PC200-8"],
    ["letters read for digits", ["KOMATSU", "PC2OO"], "PC200"],
    ["digits read for letters", ["VOLVO", "L12OH"], "L120H"],
    ["a digit read in the brand", ["K0MATSU", "PC200"], "PC200"],
    ["a wrong letter in the brand", ["KOMATSI", "PC200"], "PC200"],
    ["punctuation around it", ["CAT®", "(930G)"], "930G"],
  ])("reads through %s", (_, lines, model) => {
    expect(machine(...lines).model).toBe(model);
  });
});

/** Words below each other, each with its height, aligned on the left. */
type Stack = readonly (readonly [text: string, height: number])[];
function stacked(words: Stack): readonly ReadText[] {
  return words.map(([text, height], row) => ({
    text,
    confidence: 0.97,
    box: {
      x: 0.6,
      y: 0.3 + words.slice(0, row).reduce((sum, [, each]) => sum + each, 0),
      width: text.length * 0.02,
      height,
    },
    preparation: "whole",
  }));
}

describe("stacked lettering", () => {
  const name = read("KOMATSU");
  const answer = (words: Stack) => recognise([...name, ...stacked(words)]).aggregate;

  test.each([
    [
      [
        ["PC", 0.03],
        ["210", 0.04],
        ["LC", 0.02],
      ],
      "PC210LC",
    ],
    [
      [
        ["PC", 0.03],
        ["300", 0.04],
      ],
      "PC300",
    ],
    [
      [
        ["210", 0.04],
        ["PC", 0.03],
      ],
      null,
    ],
    [
      [
        ["PC", 0.03],
        ["21", 0.04],
        ["0", 0.04],
      ],
      null,
    ],
  ] as const)("%j is %s", (words, model) => {
    expect(answer(words).model).toBe(model);
  });

  test("with a part that was not understood is not confident", () => {
    const whole = answer([
      ["PC", 0.03],
      ["210", 0.04],
    ]);
    const cut = answer([
      ["PC", 0.03],
      ["210", 0.04],
      ["tX", 0.02],
    ]);
    expect(whole).toMatchObject({ model: "PC210", isConfident: true });
    expect(cut).toMatchObject({ model: "PC210", isConfident: false });
    const closer = stacked([
      ["PC", 0.03],
      ["210", 0.04],
    ]).map((text) => ({ ...text, preparation: "close" }));
    const both = [
      ...name,
      ...stacked([
        ["PC", 0.03],
        ["210", 0.04],
        ["tX", 0.02],
      ]),
      ...closer,
    ];
    expect(recognise(both).aggregate.isConfident).toBe(false);
  });
});

describe("an answer is not confident", () => {
  const again = (text: string, at: ReadText): ReadText => ({ ...at, text, preparation: "close" });
  const confident = (texts: readonly ReadText[]) => recognise(texts).aggregate;

  test("with a number alone, which may lack its suffix", () => {
    expect(confident(read("CAT", "330"))).toMatchObject({ model: "330", isConfident: false });
    expect(confident(read("CAT", "330GC"))).toMatchObject({ model: "330GC", isConfident: true });
  });

  test("when another look read the place differently", () => {
    const texts = read("VOLVO", "EC220");
    const place = texts[1];
    if (place === undefined) throw new Error("two were read");
    expect(confident(texts)).toMatchObject({ model: "EC220", isConfident: true });
    const other = again("EC2200K", place);
    expect(confident([...texts, other])).toMatchObject({ model: "EC220", isConfident: false });
  });

  test("when glyphs were replaced", () => {
    expect(confident(read("KOMATSU", "PC2OO"))).toMatchObject({
      model: "PC200",
      isConfident: false,
    });
    expect(confident(read("BOBCAT", "ESO"))).toMatchObject({ model: "E50", isConfident: false });
  });
});

test("of two models the one beside the name of the brand is the machine's", () => {
  expect(machine("CAT", "306CR", "PLANT HIRE", "", "988K").model).toBe("306CR");
});

describe("what is no model", () => {
  test.each([
    ["stickers", ["CAT", "24V", "MAX 40T", "CE", "2.5 t", "320 kg"]],
    ["number plates", ["VOLVO", "LD 29 XYZ", "AB12 CDE", "B-MW 1234"]],
    ["phone numbers", ["CAT", "0800 320 966", "+47 930 12 345"]],
    ["web and mail addresses", ["KOMATSU", "www.pc200.com", "info@wa380.de"]],
    ["labelled numbers", ["CAT", "FLEET 320", "No. 966", "UNIT 950", "#336"]],
    ["years and hours", ["WACKER NEUSON", "2003", "6003 hrs"]],
    ["models of other brands", ["CAT", "PC200-8", "ZX210"]],
    ["longer numbers that only look like a model", ["CAT", "9306", "3208"]],
    ["a Sany with a digit for its letter", ["SANY", "SY1550"]],
  ])("%s", (_, lines) => {
    expect(machine(...lines).model).toBeNull();
  });

  test.each([
    ["a suffix is not repaired", ["SANY", "SY1550"]],
    ["nor is a digit too many", ["VOLVO", "EC2200"]],
    ["the number of an agency's picture", ["CAT", "alamy Image ID: D8R", "iStock 320"]],
  ])("%s", (_, lines) => {
    expect(machine(...lines).model).toBeNull();
  });

  test("the maker of the engine beside that of the machine", () => {
    expect(machine("DOOSAN", "DX225LC", "YANMAR DIESEL ENGINE").brand).toBe("Doosan");
  });

  test("each is listed with the reason", () => {
    const { evidence } = recognise(read("CAT", "24V", "FLEET 320", "HESSELBERG"));
    const ignored = evidence.filter(({ about }) => about === "ignored");
    expect(ignored.map(({ text, how }) => `${text}: ${how}`)).toEqual([
      "24V: sticker: a quantity",
      'FLEET 320: number after "FLEET"',
      "HESSELBERG: dealer's name",
    ]);
  });

  test("the model beside a fleet number and a dealer's name is found", () => {
    expect(machine("CAT", "930G", "HESSELBERG", "UNIT 950", "FLEET 320").model).toBe("930G");
  });
});

describe("what is no brand", () => {
  test("a word that another reading shows to belong to a sentence", () => {
    const sentence = read("IN CASE OF FIRE");
    const word = sentence.filter(({ text }) => text === "CASE");
    const again = word.map((each) => ({ ...each, preparation: "line-flat-grey" }));
    expect(recognise(again).aggregate.brand).toBe("CASE");
    expect(recognise([...sentence, ...again]).aggregate.brand).toBeNull();
  });

  test.each([
    [["SHOWCASE", "CATALOG", "VOLVOX"]],
    [["IN CASE OF FIRE"]],
    [["CONSTRUCTION EQUIPMENT"]],
    [["EQUIPMENT"]],
    [["CONSTRUCTION"]],
    [["HEAVY INDUSTRIES"]],
    [["ATLAS COPCO"]],
    [["FUCHS LUBRICANTS"]],
    [["Smith CAT Hire Ltd", "320"]],
    [["POWERED BY CUMMINS", "VOLVO PENTA", "YANMAR DIESEL ENGINE"]],
    [["ZEPPELIN"]],
    [["Dress code", "Dress"]],
    [["S/ 180"]],
    [["12m2", "lot of 12M2"]],
    [["930"]],
    [[]],
  ])("%j", (lines) => {
    expect(recognise(read(...lines)).aggregate).toEqual({
      brand: null,
      type: null,
      model: null,
      weight: null,
      year: null,
      attachment: null,
      confidence: 0,
      isConfident: false,
      typeConfidence: null,
      typeSource: null,
      name: "",
    });
  });
});

describe("confidence", () => {
  const confidence = (...lines: readonly string[]) =>
    recognise(read(...lines)).aggregate.confidence;

  test("falls from brand and model over brand alone to model alone", () => {
    expect(confidence("KOMATSU", "PC200-8")).toBeGreaterThan(0.9);
    expect(confidence("KOMATSU")).toBeCloseTo(0.55);
    expect(confidence("PC200-8")).toBeLessThan(0.5);
  });

  test("a model without its brand names the brand when only one makes it", () => {
    expect(recognise(read("PC200-8")).aggregate).toMatchObject({
      brand: "Komatsu",
      type: "Excavator",
      isConfident: false,
      name: "Komatsu, Excavator, PC200-8",
    });
  });

  test("a second brand lowers it, and the brand with a matching model wins", () => {
    const { aggregate } = recognise(read("VOLVO", "CAT", "930G"));
    expect(aggregate).toMatchObject({ brand: "Caterpillar", model: "930G" });
    expect(aggregate.confidence).toBeLessThan(confidence("CAT", "930G"));
  });

  test("two models alike in strength are no answer, but the brand is", () => {
    expect(machine("930G", "CAT", "950M")).toEqual({
      brand: "Caterpillar",
      type: null,
      model: null,
    });
  });

  test("two brands alike in strength are no answer", () => {
    expect(machine("KOMATSU", "HITACHI").brand).toBeNull();
  });
});

describe("enough", () => {
  test("is a clearly read brand with its model", () => {
    expect(isEnough(read("CAT", "930G"))).toBe(true);
  });
  test("is neither of them alone, nor a rival, nor nothing", () => {
    expect(isEnough(read("CAT"))).toBe(false);
    expect(isEnough(read("930G"))).toBe(false);
    expect(isEnough(read("CAT", "930G", "HITACHI"))).toBe(false);
    expect(isEnough([])).toBe(false);
  });
});
