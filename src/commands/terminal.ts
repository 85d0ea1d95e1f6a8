import { createPaint, type Paint } from "../adapters/terminal/text.ts";
import { wantsColour } from "./config.ts";

export type ColourWhen = "auto" | "always" | "never";

/** Each stream decides for itself: one may be a file, and the other a terminal. */
export function paintFor(stream: "stdout" | "stderr", when: ColourWhen | undefined): Paint {
  if (when === "always") return createPaint(true);
  return createPaint(when !== "never" && process[stream].isTTY && wantsColour());
}

/** Columns available on standard output; Infinity when it is not a terminal. */
export function columns(): number {
  const { columns: counted, isTTY } = process.stdout;
  return isTTY && counted > 0 ? counted : Number.POSITIVE_INFINITY;
}
