import { cut, cutMiddle, padded, widthOf } from "./width.ts";

/** Rows in columns that fit: excess width is taken from the widest column. The last column is not padded. */
export function tableLines(rows: readonly (readonly string[])[], width: number): readonly string[] {
  const count = Math.max(0, ...rows.map((row) => row.length));
  const natural = Array.from({ length: count }, (_, column) =>
    Math.max(0, ...rows.map((row) => widthOf(row[column] ?? ""))),
  );
  const widths = fitted(natural, width - 2 - 2 * Math.max(0, count - 1));
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const most = widths[column] ?? 0;
      const shown = column === 0 ? cutMiddle(cell, most) : cut(cell, most);
      return column === row.length - 1 ? shown : padded(shown, most);
    });
    return `  ${cells.join("  ")}`.trimEnd();
  });
}

const narrowest = 4;

function fitted(natural: readonly number[], width: number): readonly number[] {
  const widths = [...natural];
  const total = () => widths.reduce((sum, each) => sum + each, 0);
  while (total() > width) {
    const widest = widths.indexOf(Math.max(...widths));
    const now = widths[widest] ?? 0;
    if (now <= narrowest) break;
    widths[widest] = now - 1;
  }
  return widths;
}
