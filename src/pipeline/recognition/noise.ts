import { findBrands } from "./brand-mentions.ts";
import { brandsWithModel } from "./catalogue.ts";
import { type Line, textOf, type Word } from "./lines.ts";
import {
  isAgency,
  isCompanyWord,
  isDealer,
  isForeignWord,
  isLabelWord,
  isStandardWord,
} from "./vocabulary.ts";

// Text on machines that is not a model: each rule names its reason, and sees one line.

/** `count` words from `start` on mean something else. */
export type Noise = {
  readonly start: number;
  readonly count: number;
  readonly reason: string;
  /** Whether it is a number that other readings may mistake for a model. */
  readonly isNumber?: true;
};

type Rule = (line: Line) => readonly Noise[];

const rules: readonly Rule[] = [
  agencyLines,
  addresses,
  phoneNumbers,
  numberPlates,
  labelledNumbers,
  numbersAfterWords,
  standards,
  quantities,
  years,
  dealerNames,
];

/** Of rules that match the same words, the first wins. */
export function findNoise(line: Line): readonly Noise[] {
  const found: Noise[] = [];
  for (const noise of rules.flatMap((rule) => rule(line))) {
    if (!found.some((earlier) => isOverlapping(earlier, noise))) found.push(noise);
  }
  return found;
}

/** Whether the word at `index` means something else. */
export function isWithin(noise: readonly Noise[], index: number): boolean {
  return noise.some(({ start, count }) => index >= start && index < start + count);
}

function isOverlapping(a: Noise, b: Noise): boolean {
  return a.start < b.start + b.count && b.start < a.start + a.count;
}

/** The whole line: the picture's number follows the agency's name. */
function agencyLines(line: Line): readonly Noise[] {
  const isOfAgency = line.some(({ plain }) => isAgency(plain) || /^ID:/.test(plain));
  return isOfAgency
    ? [{ start: 0, count: line.length, reason: "agency watermark", isNumber: true }]
    : [];
}

function addresses(line: Line): readonly Noise[] {
  const domain =
    /^(?:HTTPS?:|WWW\.)|\.(?:COM|NET|ORG|EU|DE|NL|NO|SE|DK|FI|FR|CH|AT|PL|IT|ES|UK|IE)(?:\/|$)/;
  return each(line, ({ plain }) => {
    if (plain.includes("@")) return "e-mail address";
    return domain.test(plain) ? "web address" : null;
  });
}

function phoneNumbers(line: Line): readonly Noise[] {
  const found: Noise[] = [];
  for (let start = 0; start < line.length; start += 1) {
    const rest = line.slice(start);
    const end = rest.findIndex(({ plain }) => !/^[+\d][\d().\-/+]*$/.test(plain));
    const run = end === -1 ? rest : rest.slice(0, end);
    if (run.map(({ plain }) => plain.replace(/\D/g, "")).join("").length < 7) continue;
    found.push({ start, count: run.length, reason: "phone or serial number", isNumber: true });
    start += run.length;
  }
  return found;
}

const plates: readonly RegExp[] = [
  /^[A-Z]{2} ?\d{2} ?[A-Z]{3}$/,
  /^[A-Z]\d{1,3} [A-Z]{3}$/,
  /^[A-Z]{1,3}[- ][A-Z]{1,2}[- ]?\d{1,4}[EH]?$/,
  /^[A-Z]{2} ?\d{5}$/,
  /^[A-Z]{3} \d{2}[A-Z0-9]$/,
  /^(?=.*[A-Z])(?=.*\d)(?:[A-Z]{1,3}|\d{1,3})-(?:[A-Z]{2,3}|\d{2,3})-(?:[A-Z]{1,2}|\d{1,2})$/,
  /^[A-Z]{2} ?\d{2}$/,
];

/** The formats of British, German, Scandinavian, Dutch and French plates. */
function numberPlates(line: Line): readonly Noise[] {
  const text = line.map(({ plain }) => plain).join(" ");
  if (!plates.some((plate) => plate.test(text))) return [];
  if (brandsWithModel(compactOf(line)).length > 0 || findBrands(line).length > 0) return [];
  return [{ start: 0, count: line.length, reason: "number plate", isNumber: true }];
}

function labelledNumbers(line: Line): readonly Noise[] {
  return line.flatMap(({ plain }, start): readonly Noise[] => {
    if (/^(?:#|NO\.?|NR\.?|FLEET|UNIT)[-:]?\d+[A-Z]?$/.test(plain)) {
      return [{ start, count: 1, reason: "fleet number", isNumber: true }];
    }
    const next = line[start + 1]?.plain ?? "";
    if (!/\d/.test(next)) return [];
    const isLabel = isLabelWord(plain) || /^(?:L?EET|NIT|LNIT)$/.test(plain);
    // "FLEE T320": the label's last letter was attached to the number.
    const isSplit =
      /^[A-Z]+$/.test(plain) && isLabelWord(plain + (/^[A-Z]+/.exec(next)?.[0] ?? ""));
    return isLabel || isSplit
      ? [{ start, count: 2, reason: `number after "${plain}"`, isNumber: true }]
      : [];
  });
}

/** "FLFET 320": whatever the word is, the number belongs to it. */
function numbersAfterWords(line: Line): readonly Noise[] {
  return line.flatMap((word, start): readonly Noise[] => {
    const next = line[start + 1]?.plain ?? "";
    const isUnknown = word.plain.length >= 3 && isForeignWord({ ...word, confidence: 1 });
    if (!isUnknown || findBrands([word]).length > 0 || !/^\d{2,5}$/.test(next)) return [];
    return [{ start, count: 2, reason: "number after a word", isNumber: true }];
  });
}

function standards(line: Line): readonly Noise[] {
  return line.flatMap(({ plain }, start): readonly Noise[] => {
    if (!isStandardWord(plain)) return [];
    const rest = line.slice(start + 1);
    const end = rest.findIndex((word) => !/^[\d.,]+[A-Z/]{0,3}$/.test(word.plain));
    const count = 1 + (end === -1 ? rest.length : end);
    return [{ start, count, reason: "sticker" }];
  });
}

const unit =
  "V|VOLT|KG|T|TON|TONS|TONNE|TONNES|KM/H|KMH|MPH|BAR|PSI|KPA|KW|HP|DB|MM|CM|LTR|LITRES|RPM|HZ|LBS|M3|HRS|HOURS|STD|BTR";
const joined =
  /^(?:\d{1,3}(?:[.,]\d+)?(?:V|VOLT|KMH|KM\/H|MPH|BAR|PSI|KW|HP|DB|MM|CM|M2|M3|RPM|HZ|LBS|HRS)|\d{1,5}KG|\d{1,2}(?:[.,]\d+)?T|\d+[.,]\d+ ?(?:T|M|L))$/;
const alone = new RegExp(`^(?:${unit})$`);

function quantities(line: Line): readonly Noise[] {
  return line.flatMap(({ plain }, start): readonly Noise[] => {
    if (joined.test(plain))
      return [{ start, count: 1, reason: "sticker: a quantity", isNumber: true }];
    const next = line[start + 1];
    if (next === undefined || !/^\d+(?:[.,]\d+)?$/.test(plain) || !alone.test(next.plain))
      return [];
    return [{ start, count: 2, reason: "sticker: a quantity", isNumber: true }];
  });
}

function years(line: Line): readonly Noise[] {
  return each(line, ({ plain }) => (/^(?:19[5-9]\d|20[0-4]\d)$/.test(plain) ? "year" : null));
}

function dealerNames(line: Line): readonly Noise[] {
  const names = each(line, ({ plain }) => (isDealer(plain) ? "dealer's name" : null));
  return isCompanyLine(line) ? [...names, ...companyName(line)] : names;
}

/** "Smith CAT Hire Ltd" is a company; "Hitachi Construction Machinery Ltd" is the manufacturer. */
export function isCompanyLine(line: Line): boolean {
  return (
    line.some(({ plain }) => isCompanyWord(plain)) &&
    line.some(
      (word) => isForeignWord(word) && (!isCompanyWord(word.plain) || word.plain === "HIRE"),
    )
  );
}

/** The whole line, except what can only be a model: a number among letters. */
function companyName(line: Line): readonly Noise[] {
  return line.flatMap(({ plain }, start): readonly Noise[] =>
    /\d/.test(plain) && /[A-Z]/.test(plain)
      ? []
      : [{ start, count: 1, reason: "part of a company's name" }],
  );
}

export function compactOf(words: readonly Word[]): string {
  return words.map(({ plain }) => plain).join("");
}

function each(line: Line, reasonOf: (word: Word) => string | null): readonly Noise[] {
  return line.flatMap((word, start): readonly Noise[] => {
    const reason = reasonOf(word);
    return reason === null ? [] : [{ start, count: 1, reason }];
  });
}

/** For the evidence: the ignored words, as written. */
export function noiseText(line: Line, noise: Noise): string {
  return textOf(line.slice(noise.start, noise.start + noise.count));
}
