import type { Plane } from "./plane.ts";

/** For each pixel, how much darker it is than the mean of the square around it; negative when lighter. */
export function darknessOf({ width, height, data }: Plane, reach: number): Int16Array {
  const darkness = new Int16Array(width * height);
  const columns = new Int32Array(width);
  for (let y = 0; y < Math.min(reach, height); y += 1) addRow(columns, data, y * width, 1);
  for (let y = 0; y < height; y += 1) {
    if (y + reach < height) addRow(columns, data, (y + reach) * width, 1);
    if (y - reach - 1 >= 0) addRow(columns, data, (y - reach - 1) * width, -1);
    const rows = Math.min(height, y + reach + 1) - Math.max(0, y - reach);
    subtractFromMeans(columns, rows, reach, data, darkness, y * width);
  }
  return darkness;
}

function addRow(columns: Int32Array, data: Uint8Array, from: number, sign: number): void {
  for (let x = 0; x < columns.length; x += 1) {
    columns[x] = (columns[x] ?? 0) + sign * (data[from + x] ?? 0);
  }
}

function subtractFromMeans(
  columns: Int32Array,
  rows: number,
  reach: number,
  data: Uint8Array,
  darkness: Int16Array,
  from: number,
): void {
  const width = columns.length;
  let sum = 0;
  for (let x = 0; x < Math.min(reach, width); x += 1) sum += columns[x] ?? 0;
  for (let x = 0; x < width; x += 1) {
    if (x + reach < width) sum += columns[x + reach] ?? 0;
    if (x - reach - 1 >= 0) sum -= columns[x - reach - 1] ?? 0;
    const count = rows * (Math.min(width, x + reach + 1) - Math.max(0, x - reach));
    darkness[from + x] = sum / count - (data[from + x] ?? 0);
  }
}
