/** Hamming distance of two hex hashes of equal length. */
export function bitsApart(a: string, b: string): number {
  let bits = Math.abs(a.length - b.length) * 4;
  for (let index = 0; index < Math.min(a.length, b.length); index += 1) {
    let differing = Number.parseInt(a.charAt(index), 16) ^ Number.parseInt(b.charAt(index), 16);
    for (; differing > 0; differing >>= 1) bits += differing & 1;
  }
  return bits;
}
