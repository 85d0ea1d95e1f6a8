// Conversion between text and bytes: UTF-8 for readable text, Latin-1 to embed bytes unchanged in JSON.

export function toUtf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Undefined for invalid UTF-8. */
export function fromUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** One character per byte. */
export function toLatin1(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

export function fromLatin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
