/** One decoded character: its text, its probability, and its position along the strip (0–1). */
export type Glyph = { readonly text: string; readonly probability: number; readonly at: number };

/** Characters that may occur in a brand or model painted on a machine. */
const readable = /^[\p{Script=Latin}\d .,\-+/&#°()'"|:;@*_!?%]$/u;

/** The relevant classes of the recogniser's output, each with its character. */
export type Alphabet = readonly { readonly index: number; readonly text: string }[];

/** `dictionary` has one character per line; class 0 is the blank, the last class a space. */
export function alphabetOf(dictionary: string): Alphabet {
  const lines = dictionary.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return ["", ...lines, " "]
    .map((text, index) => ({ index, text }))
    .filter(({ text }) => text === "" || readable.test(text));
}

/** Greedy CTC: the most likely readable character per step, with repetitions and blanks collapsed. */
export function decode(output: Float32Array, steps: number, alphabet: Alphabet): readonly Glyph[] {
  const classes = output.length / steps;
  const glyphs: Glyph[] = [];
  let last = "";
  for (let step = 0; step < steps; step += 1) {
    const { text, probability } = likeliest(output, step * classes, alphabet);
    const previous = glyphs.at(-1);
    if (text !== "" && text !== last) glyphs.push({ text, probability, at: (step + 0.5) / steps });
    else if (text !== "" && previous !== undefined && probability > previous.probability)
      glyphs[glyphs.length - 1] = { ...previous, probability };
    last = text;
  }
  return glyphs;
}

function likeliest(output: Float32Array, from: number, alphabet: Alphabet) {
  let [text, probability] = ["", -1];
  for (const sign of alphabet) {
    const value = output[from + sign.index] ?? 0;
    if (value > probability) [text, probability] = [sign.text, value];
  }
  return { text, probability };
}
