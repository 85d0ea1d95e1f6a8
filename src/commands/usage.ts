import { type Command, type CommanderError, InvalidArgumentError, type Option } from "commander";
import { closest } from "../pipeline/closest.ts";
import { exitCodes, TuError } from "../pipeline/errors.ts";

/** One of a few words; a mistyped one gets a guess. */
export function oneOf(option: Option, words: readonly string[]): Option {
  return option.choices(words).argParser((word) => {
    if (words.includes(word)) return word;
    const guess = closest(word, words);
    const meant = guess === undefined ? "" : ` Did you mean ${guess}?`;
    throw new InvalidArgumentError(`Allowed choices are ${words.join(", ")}.${meant}`);
  });
}

/** What commander found, as an error of ours. */
export function usageError(
  error: CommanderError,
  program: Command,
  args: readonly string[],
): TuError {
  const { command, left } = commandOf(program, args);
  const names = commandsOf(command);
  const isBare = error.code === "commander.help";
  const isExcess = error.code === "commander.excessArguments" && names.length > 0;
  const guess = isExcess ? closest(left ?? "", names) : undefined;
  const said = error.message.replace(/^error: /, "").replaceAll("\n", " ");
  const unknown = `${pathOf(command)} has no command ${left}`;
  const message = isBare ? "no command was given" : isExcess ? unknown : said;
  const known = `its commands are ${names.join(", ")}`;
  const meant = guess === undefined ? known : `did you mean ${guess}?`;
  const help = `see \`${pathOf(command)} --help\``;
  const hint = isBare || isExcess ? `${isBare ? known : meant}; ${help}` : help;
  return new TuError("E_USAGE", message, { hint });
}

/** Its commands that a person may call. */
export function commandsOf(command: Command): readonly string[] {
  return command.commands.map((each) => each.name()).filter((name) => !name.startsWith("_"));
}

/** The command that the words name, and the first word that is none of its commands. */
function commandOf(program: Command, args: readonly string[]) {
  let command = program;
  for (const word of args.filter((arg) => !arg.startsWith("-"))) {
    const next = command.commands.find((each) => each.name() === word);
    if (next === undefined) return { command, left: word };
    command = next;
  }
  return { command, left: undefined };
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** Meets every problem of a command line before the first is told. */
export type Problems = {
  /** What `read` gives, or `otherwise` where it has a problem. */
  meet<T>(read: () => T, otherwise: T): T;
  meetLater<T>(read: () => Promise<T>): Promise<T | undefined>;
  /** Throws all of them as one. */
  throwIfAny(): void;
};

export function createProblems(): Problems {
  const met: TuError[] = [];
  const note = (error: unknown): void => {
    if (!(error instanceof TuError) || error.exitCode !== exitCodes.usage) throw error;
    met.push(error);
  };
  return {
    meet(read, otherwise) {
      try {
        return read();
      } catch (error) {
        note(error);
        return otherwise;
      }
    },
    async meetLater(read) {
      try {
        return await read();
      } catch (error) {
        note(error);
        return undefined;
      }
    },
    throwIfAny() {
      const [first, ...others] = met;
      if (first === undefined) return;
      if (others.length === 0) throw first;
      const hints = met.flatMap(({ hint }) => (hint === undefined ? [] : [hint]));
      const message = `${met.length} problems: ${met.map((one) => one.message).join("; ")}`;
      throw new TuError(first.code, message, { hint: [...new Set(hints)].join("; ") });
    },
  };
}
