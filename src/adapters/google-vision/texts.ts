import type { ReadText } from "../../pipeline/ports/vision.ts";
import type { Answer, Polygon, Word } from "./answer.ts";
import { type Frame, uprightBox } from "./upright.ts";

/** Text detection usually omits a word's confidence, and is seldom wrong. */
const unstated = 0.85;

/** What was read, in pieces without spaces: "PC200-8" is three words to the service. */
export function textsOf(answer: Answer, frame: Frame): readonly ReadText[] {
  const words = wordsOf(answer);
  return words.length > 0
    ? words.flatMap((run) => readTexts(run, frame))
    : wordAnnotations(answer).flatMap(({ boundingPoly, description }) =>
        readText({ text: description, confidence: unstated, polygons: [boundingPoly] }, frame),
      );
}

/** The outlines of all words, as received. */
export function outlinesOf(answer: Answer): readonly Polygon[] {
  const words = wordsOf(answer).flat();
  return words.length > 0
    ? words.map(({ boundingBox }) => boundingBox)
    : wordAnnotations(answer).map(({ boundingPoly }) => boundingPoly);
}

/** By paragraph. */
function wordsOf({ fullTextAnnotation }: Answer): readonly (readonly Word[])[] {
  return fullTextAnnotation.pages
    .flatMap(({ blocks }) => blocks)
    .flatMap(({ paragraphs }) => paragraphs)
    .map(({ words }) => words)
    .filter((words) => words.length > 0);
}

function wordAnnotations({ textAnnotations }: Answer): Answer["textAnnotations"] {
  return textAnnotations.length > 1 ? textAnnotations.slice(1) : textAnnotations;
}

type Piece = {
  readonly text: string;
  readonly confidence: number;
  readonly polygons: readonly Polygon[];
};

/** The words of a paragraph, joined where no space separates them. */
function readTexts(words: readonly Word[], frame: Frame): readonly ReadText[] {
  const pieces: Piece[] = [];
  let isOpen = false;
  for (const word of words) {
    const piece = pieceOf(word);
    const last = pieces.at(-1);
    if (isOpen && last !== undefined && !beginsWithBreak(word))
      pieces[pieces.length - 1] = joined(last, piece);
    else pieces.push(piece);
    isOpen = !endsWithBreak(word);
  }
  return pieces.flatMap((piece) => readText(piece, frame));
}

function pieceOf({ boundingBox, confidence, symbols }: Word): Piece {
  return {
    text: symbols.map((sign) => sign.text).join(""),
    confidence: confidence > 0 ? Math.min(1, confidence) : unstated,
    polygons: [boundingBox],
  };
}

function joined(first: Piece, second: Piece): Piece {
  return {
    text: first.text + second.text,
    confidence: Math.min(first.confidence, second.confidence),
    polygons: [...first.polygons, ...second.polygons],
  };
}

function beginsWithBreak({ symbols: [first] }: Word): boolean {
  return first?.property?.detectedBreak?.isPrefix === true;
}

function endsWithBreak({ symbols }: Word): boolean {
  return symbols.at(-1)?.property?.detectedBreak?.isPrefix === false;
}

/** Nothing for a text without a position: the rules depend on it. */
function readText({ confidence, polygons, text }: Piece, frame: Frame): readonly ReadText[] {
  const box = uprightBox(merged(polygons), frame);
  if (box === null || text.trim() === "") return [];
  return [{ text, confidence, box, preparation: "google" }];
}

function merged(polygons: readonly Polygon[]): Polygon {
  return {
    vertices: polygons.flatMap(({ vertices }) => vertices),
    normalizedVertices: polygons.flatMap(({ normalizedVertices }) => normalizedVertices),
  };
}
