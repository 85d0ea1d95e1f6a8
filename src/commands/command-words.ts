import type { Command, Option } from "commander";

// What the words of a command line name, whether or not the line is complete or correct.

export type CommandWords = {
  readonly command: Command;
  /** The words that are neither commands, nor options, nor their values. */
  readonly operands: readonly string[];
  /** Options, and their values, before the first command. */
  readonly early: readonly string[];
  /** All the other words. */
  readonly rest: readonly string[];
  /** The state directory that the line names. */
  readonly stateDir: string | undefined;
  /** The last option, if its value is still missing. */
  readonly open: Option | undefined;
};

export function readWords(program: Command, words: readonly string[]): CommandWords {
  const [before, after] = splitAtDashes(words);
  const operands: string[] = [];
  let [command, earlyCount]: [Command, number] = [program, 0];
  let open: Option | "unknown" | undefined;
  for (const [index, word] of before.entries()) {
    const named = operands.length > 0 ? undefined : below(command, word);
    const kind = kindOf(word, named, open);
    const isOption = kind === "flag" || kind === "value";
    if (isOption && earlyCount === index) earlyCount += 1;
    if (kind === "operand") operands.push(word);
    if (kind === "command") command = named ?? command;
    open = kind === "flag" ? opened(command, word) : undefined;
  }
  return {
    command,
    open: open === "unknown" ? undefined : open,
    operands: [...operands, ...after.slice(1)],
    early: before.slice(0, earlyCount),
    rest: [...before.slice(earlyCount), ...after],
    stateDir: valueGiven("--state-dir", before),
  };
}

/** What follows an unknown option may be its value. */
function kindOf(
  word: string,
  named: Command | undefined,
  open: Option | "unknown" | undefined,
): "flag" | "value" | "command" | "operand" {
  if (open !== undefined && open !== "unknown") return "value";
  if (word.startsWith("-") && word !== "-") return "flag";
  if (named !== undefined) return "command";
  return open === undefined ? "operand" : "value";
}

function splitAtDashes(words: readonly string[]) {
  const end = words.indexOf("--");
  return end === -1 ? ([words, []] as const) : ([words.slice(0, end), words.slice(end)] as const);
}

function below(command: Command, word: string): Command | undefined {
  return command.commands.find((each) => each.name() === word);
}

function valueGiven(option: string, words: readonly string[]): string | undefined {
  return words
    .flatMap((word, index) => {
      if (word.startsWith(`${option}=`)) return word.slice(option.length + 1);
      return word === option ? (words[index + 1] ?? []) : [];
    })
    .at(-1);
}

/** The option whose value is the next word, or may be; before the first command, an option of any command. */
function opened(command: Command, word: string): Option | "unknown" | undefined {
  const candidates = command.parent === null ? [command, ...command.commands] : [command];
  const options = candidates.flatMap((each) => each.options);
  const named = options.find(({ long, short }) => word === long || word === short);
  if (named !== undefined) return named.required ? named : undefined;
  const isComplete = word.includes("=") || options.some(({ short }) => startsWith(word, short));
  return isComplete ? undefined : "unknown";
}

function startsWith(word: string, short: string | undefined): boolean {
  return short !== undefined && !word.startsWith("--") && word.startsWith(short);
}

/** Its commands intended for users. */
export function commandsOf(command: Command): readonly string[] {
  return command.commands.map((each) => each.name()).filter((name) => !name.startsWith("_"));
}

/** The command below `parent` that the words name, or the first word that names none. */
export function commandNamed(
  parent: Command,
  words: readonly string[],
): { readonly command: Command; readonly unknown: string | undefined } {
  const [word, ...others] = words;
  const named = word === undefined ? undefined : below(parent, word);
  return named === undefined ? { command: parent, unknown: word } : commandNamed(named, others);
}

export function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}
