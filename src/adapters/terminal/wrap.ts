/** Breaks at spaces so that no line is longer than `width`; a word that is longer alone is cut. */
export function wrap(text: string, width: number): readonly string[] {
  if (text.length <= width) return [text];
  const most = Math.max(1, width);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ").flatMap((one) => pieces(one, most))) {
    if (line !== "" && line.length + 1 + word.length > most) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

function pieces(word: string, most: number): readonly string[] {
  if (word.length <= most) return [word];
  const count = Math.ceil(word.length / most);
  return Array.from({ length: count }, (_, index) => word.slice(index * most, (index + 1) * most));
}
