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
