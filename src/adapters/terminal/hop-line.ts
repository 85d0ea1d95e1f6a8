import type { Hop } from "../../pipeline/ports.ts";
import { type Paint, printable } from "./text.ts";

const nameWidth = 38;
const transportWidth = 10;

/** `  +0.412s  recognition.completed   rabbitmq   svc-ai-vision-adapter → svc-analysis-orchestrator`. */
export function hopLine(hop: Hop, sinceStartMs: number, paint: Paint): string {
  const isFailure = hop.name.endsWith(".failed") || hop.name === "onAnalysisFailed";
  const isRetry = hop.note?.startsWith("attempt ") === true && !isFailure;
  const since = `+${(sinceStartMs / 1000).toFixed(3)}s`.padStart(9);
  const name = printable(hop.name).padEnd(nameWidth);
  const mark = isFailure ? "✖" : isRetry ? "↻" : "·";
  const note = hop.note === null ? "" : `  ${printable(hop.note)}`;
  return [
    paint("dim", since),
    paint(isFailure ? "red" : isRetry ? "yellow" : "green", mark),
    isFailure ? paint("red", name) : paint("bold", name),
    paint("cyan", hop.transport.padEnd(transportWidth)),
    `${printable(hop.from)} → ${printable(hop.to)}${paint("dim", note)}`,
  ].join(" ");
}
