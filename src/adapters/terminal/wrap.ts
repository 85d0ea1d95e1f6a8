import { piecesOf, widthOf } from "./width.ts";

/** Breaks at spaces so that no line exceeds `width` columns; a word longer than that is split. */
export function wrap(text: string, width: number): readonly string[] {
  if (widthOf(text) <= width) return [text];
  const most = Math.max(1, width);
  const lines: string[] = [];
  let line = "";
  const words = text
    .split(" ")
    .flatMap((word) => (widthOf(word) <= most ? [word] : piecesOf(word, most)));
  for (const word of words) {
    if (line !== "" && widthOf(line) + 1 + widthOf(word) > most) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

type Packing = {
  /** What the first line begins with, and the others. */
  readonly first: string;
  readonly next: string;
  readonly width: number;
  /** Between two parts. */
  readonly gap?: string;
  /** Rather than broken, a part that is too long exceeds the width. */
  readonly isWhole?: boolean;
};

/** Parts on as few lines as possible. One that exceeds a line of its own is broken after punctuation. */
export function packed(
  parts: readonly string[],
  { first, gap = "  ", isWhole = false, next, width }: Packing,
): readonly string[] {
  const lines: string[] = [];
  let [line, isEmpty] = [first, true];
  for (const part of parts) {
    if (!isEmpty && widthOf(line) + widthOf(gap) + widthOf(part) > width) {
      lines.push(line);
      [line, isEmpty] = [next, true];
    }
    const pieces = isWhole ? [part] : broken(part, width - Math.max(widthOf(line), widthOf(next)));
    for (const piece of pieces.slice(0, -1)) {
      lines.push(line + piece);
      line = next;
    }
    line += `${isEmpty ? "" : gap}${pieces.at(-1)}`;
    isEmpty = false;
  }
  return [...lines, line];
}

/** Pieces of at most `width` columns, if it has punctuation often enough; spaces come first. */
function broken(text: string, width: number): readonly string[] {
  const whole = text.split(" ").map((word) => `${word} `);
  const parts = whole.flatMap((word) =>
    widthOf(word) - 1 <= width ? [word] : word.split(/(?<=[.,/=:>-])/),
  );
  const pieces: string[] = [];
  for (const part of parts) {
    const longer = `${pieces.at(-1) ?? ""}${part}`;
    if (pieces.length === 0 || widthOf(longer.trimEnd()) > width) pieces.push(part);
    else pieces[pieces.length - 1] = longer;
  }
  return pieces.map((piece) => piece.trimEnd());
}
