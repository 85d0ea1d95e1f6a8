import { type Command, Help } from "commander";
import { padded, widthOf } from "../adapters/terminal/width.ts";
import { packed, wrap } from "../adapters/terminal/wrap.ts";
import { pathOf } from "./command-words.ts";
import { helpTexts } from "./help-text.ts";
import type { HelpText } from "./help-type.ts";

// Help fits the terminal; without one, it is as wide as commander's.

const pipedWidth = 80;
/** A description needs this many columns beside its term; otherwise it goes below. */
const besideMin = 24;

/** Makes the help of a program, and of the commands that are added to it later, fit. */
export function fitHelp(program: Command): void {
  program.configureHelp({
    commandUsage(command) {
      const width = (this.helpWidth ?? pipedWidth) - "Usage: ".length;
      const [first = "", ...others] = Help.prototype.commandUsage.call(this, command).split(" ");
      return packed([first, ...others], { first: "", next: "  ", width, gap: " " }).join(
        "\n       ",
      );
    },
    formatItem(term, termWidth, description, { helpWidth = pipedWidth }) {
      return itemLines(term, description, { termWidth, width: helpWidth }).join("\n");
    },
  });
}

/** Adds examples, variables and exit codes to the help of every command. */
export function addHelpTexts(command: Command): void {
  const text = helpTexts[pathOf(command)];
  const { getOutHelpWidth } = command.configureOutput();
  if (text !== undefined)
    command.addHelpText("after", () => helpLines(text, getOutHelpWidth?.()).join("\n"));
  for (const each of command.commands) addHelpTexts(each);
}

/** `width`: undefined if there is no terminal. */
export function helpLines(text: HelpText, width = pipedWidth): readonly string[] {
  const { examples, exitCodes, notes = [], variables = [] } = text;
  const commands = examples.flatMap(([command, meaning]) => (meaning === undefined ? [] : command));
  const sections = [
    [
      "Examples:",
      ...examples.flatMap(([command, meaning = ""]) =>
        itemLines(command, meaning, { termWidth: widest(commands), width, isCommand: true }),
      ),
    ],
    ...notes.map((note) => wrap(note, width)),
    variables.length === 0
      ? []
      : ["Variables:", ...wrap(variables.join(", "), width - 2).map((line) => `  ${line}`)],
    [
      "Exit codes:",
      ...exitCodes.flatMap(([codes, meaning]) =>
        itemLines(codes, meaning, { termWidth: widest(exitCodes.map(([each]) => each)), width }),
      ),
    ],
  ];
  return sections.filter((lines) => lines.length > 0).flatMap((lines) => ["", ...lines]);
}

function widest(terms: readonly string[]): number {
  return Math.max(0, ...terms.map(widthOf));
}

type Layout = {
  readonly termWidth: number;
  readonly width: number;
  /** It may be pasted into a shell, even if it takes several lines. */
  readonly isCommand?: boolean;
};

/** A term and its description: side by side, or one below the other. */
function itemLines(term: string, description: string, layout: Layout): readonly string[] {
  const { isCommand = false, termWidth, width } = layout;
  const beside = width - termWidth - 4;
  if (description !== "" && beside >= besideMin) {
    const [first, ...others] = wrap(description, beside);
    const indent = " ".repeat(termWidth + 4);
    return [`  ${padded(term, termWidth)}  ${first}`, ...others.map((line) => indent + line)];
  }
  const lines = isCommand ? commandLines(term, width) : [`  ${term}`];
  return description === ""
    ? lines
    : [...lines, ...wrap(description, width - 6).map((line) => `      ${line}`)];
}

function commandLines(command: string, width: number): readonly string[] {
  if (widthOf(command) + 2 <= width) return [`  ${command}`];
  const lines = packed(command.split(" "), {
    ...{ first: "  ", next: "    ", width: width - 2, gap: " ", isWhole: true },
  });
  return lines.map((line, index) => (index === lines.length - 1 ? line : `${line} \\`));
}
