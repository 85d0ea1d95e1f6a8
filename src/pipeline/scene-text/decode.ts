/** A sign that was read: what, how sure, and where in the strip (0–1). */
export type Glyph = { readonly text: string; readonly probability: number; readonly at: number };

/** What can be painted on a machine and mean a brand or a model. */
const readable = /^[\p{Script=Latin}\d .,\-+/&#°()'"|:;@*_!?%]$/u;

/** Rows of the recogniser's output that stand for a sign of interest, and the sign. */
export type Alphabet = readonly { readonly index: number; readonly text: string }[];

/** `dictionary` is a sign a line; before the first stands the blank, behind the last a space. */
export function alphabetOf(dictionary: string): Alphabet {
  const lines = dictionary.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return ["", ...lines, " "]
    .map((text, index) => ({ index, text }))
    .filter(({ text }) => text === "" || readable.test(text));
}

/** Greedy CTC: the likeliest readable sign of each step, repetitions and blanks taken out. */
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
