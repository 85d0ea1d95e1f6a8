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

/** More arguments to one call may exceed the stack. */
const charsAtOnce = 8192;

const unreadable = "\ufffd";

/** One character per byte. */
export function toLatin1(bytes: Uint8Array): string {
  // Nearly everything is ASCII, which is the same in UTF-8, and decoded at once.
  const asUtf8 = new TextDecoder().decode(bytes);
  if (asUtf8.length === bytes.length && !asUtf8.includes(unreadable)) return asUtf8;
  let text = "";
  for (let at = 0; at < bytes.length; at += charsAtOnce)
    text += String.fromCharCode(...bytes.subarray(at, at + charsAtOnce));
  return text;
}

export function fromLatin1(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}
