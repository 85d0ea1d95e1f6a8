import type { WaitingLine } from "../adapters/terminal/waiting-line.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import { type Format, hasSeenEnough, printError } from "./output.ts";
import type { ColourWhen } from "./terminal.ts";
import type { Outcome } from "./upload-outcome.ts";

export type ScreenOptions = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly color?: ColourWhen;
  readonly ephemeral?: boolean;
  readonly verbose?: boolean;
};

/** What a person, or a pipe, sees of an upload while it runs and when it ends. */
export type UploadScreen = {
  readonly format: Format;
  readonly reporter: Reporter;
  /** `index` is the image's place among those that were named. */
  started(flowId: string, index: number): void;
  outcome(outcome: Outcome, index: number): void;
  summary(outcomes: readonly Outcome[]): void;
  close(): void;
};

/** What all screens share: the waiting line, and notices beside the work. */
export type Aside = {
  readonly waiting: WaitingLine;
  readonly notice: Reporter["notice"];
};

export function sayError({ error, file }: Extract<Outcome, { type: "error" }>): void {
  if (hasSeenEnough()) return;
  const { code, hint, message } = error;
  const place = message.includes(file) ? "" : `${file}: `;
  printError({ code, hint, message: `${place}${message}` });
}
