import stringWidth from "string-width";

// Terminal columns: East Asian characters and emoji take two, combining characters take none.

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

export function widthOf(text: string): number {
  return stringWidth(text);
}

export function padded(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - widthOf(text)));
}

/** At most `width` columns, with … in place of the end. */
export function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  return width < 1 ? "" : `${taken(partsOf(text), width - 1).join("")}…`;
}

/** At most `width` columns, with … in place of the middle: the end of a path says the most. */
export function cutMiddle(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  if (width < 3) return cut(text, width);
  const parts = partsOf(text);
  const end = taken(parts.toReversed(), Math.ceil((width - 1) / 2)).toReversed();
  const start = taken(parts, width - 1 - widthOf(end.join("")));
  return `${start.join("")}…${end.join("")}`;
}

/** Pieces of at most `width` columns; a single wider character is a piece of its own. */
export function piecesOf(text: string, width: number): readonly string[] {
  const pieces: string[] = [];
  for (let parts = partsOf(text); parts.length > 0; ) {
    const piece = taken(parts, width);
    const count = Math.max(1, piece.length);
    pieces.push(parts.slice(0, count).join(""));
    parts = parts.slice(count);
  }
  return pieces;
}

function partsOf(text: string): readonly string[] {
  return [...graphemes.segment(text)].map(({ segment }) => segment);
}

function taken(parts: readonly string[], width: number): readonly string[] {
  let left = width;
  const end = parts.findIndex((part) => {
    left -= widthOf(part);
    return left < 0;
  });
  return end < 0 ? parts : parts.slice(0, end);
}
