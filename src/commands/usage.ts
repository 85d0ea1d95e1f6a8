import { type Command, CommanderError, InvalidArgumentError, type Option } from "commander";
import { closest } from "../pipeline/closest.ts";
import { exitCodes, TuError } from "../pipeline/errors.ts";

/** One of a few words; a mistyped one gets a suggestion. */
export function oneOf(option: Option, words: readonly string[]): Option {
  return option.choices(words).argParser((word) => {
    if (words.includes(word)) return word;
    const guess = closest(word, words);
    const meant = guess === undefined ? "" : ` Did you mean ${guess}?`;
    throw new InvalidArgumentError(`Allowed choices are ${words.join(", ")}.${meant}`);
  });
}

/**
 * All problems that commander finds in a command line, as one error. Commander stops at the first: the words it is
 * about are removed, and the rest is parsed again. No command runs.
 */
export async function usageErrorOf(
  createProgram: () => Command,
  args: readonly string[],
): Promise<TuError> {
  const met: TuError[] = [];
  for (let left: readonly string[] | undefined = args; left !== undefined; ) {
    const program = createProgram();
    const error = await firstProblem(program, left);
    // What followed a removed option may have been its value rather than an excess operand.
    const isOver = error === undefined || (met.length > 0 && error.code === excess);
    if (!isOver) met.push(usageError(error, program, left));
    left = isOver ? undefined : withoutProblem(left, error.message);
  }
  return combined(met);
}
const excess = "commander.excessArguments";

async function firstProblem(
  program: Command,
  args: readonly string[],
): Promise<CommanderError | undefined> {
  const understood = new Error("all of it was understood");
  program.hook("preAction", () => {
    throw understood;
  });
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error;
    if (error !== understood) throw error;
  }
  return undefined;
}

/** The words without those that commander's message is about; undefined if none can be removed. */
function withoutProblem(args: readonly string[], message: string): readonly string[] | undefined {
  const [, unknown] = /unknown option '(.+?)'/.exec(message) ?? [];
  const [, flags, value] =
    /option '(.+?)' argument (?:'(.*?)' is invalid|missing)/.exec(message) ?? [];
  const names = (unknown ?? flags?.replace(/ [<[].*/, ""))?.split(", ") ?? [];
  const isAlone = (arg: string, at: number) =>
    names.includes(arg) && (value === undefined || args[at + 1] === value);
  const isJoined = (arg: string) =>
    names.some((name) =>
      value === undefined
        ? arg.startsWith(`${name}=`)
        : arg === `${name}=${value}` || arg === `${name}${value}`,
    );
  const at = args.findIndex((arg, index) => isAlone(arg, index) || isJoined(arg));
  if (at === -1) return undefined;
  return args.toSpliced(at, value !== undefined && isAlone(args[at] ?? "", at) ? 2 : 1);
}

/** Commander's error, as one of ours. */
function usageError(error: CommanderError, program: Command, args: readonly string[]): TuError {
  const words = args[0] === "help" ? args.slice(1) : args;
  const { command, left } = commandOf(program, words);
  const names = commandsOf(command);
  const isHelp = error.code === "commander.help";
  const isBare = isHelp && left === undefined;
  const isExcess = (isHelp && !isBare) || (error.code === excess && names.length > 0);
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

/** Its commands intended for users. */
export function commandsOf(command: Command): readonly string[] {
  return command.commands.map((each) => each.name()).filter((name) => !name.startsWith("_"));
}

/** The command named by the words, and the first word that is not one of its commands. */
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

/** Collects every problem of a command line before reporting the first. */
export type Problems = {
  /** The result of `read`, or `otherwise` if it throws a usage error. */
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
      if (met.length > 0) throw combined(met);
    },
  };
}

/** Several as one, with the code of the first. */
function combined(errors: readonly TuError[]): TuError {
  const [first, ...others] = errors;
  if (first === undefined) throw new TuError("E_BUG", "there is no usage error to report");
  if (others.length === 0) return first;
  const hints = errors.flatMap(({ hint }) => (hint === undefined ? [] : [hint]));
  const message = `${errors.length} problems: ${errors.map((one) => one.message.replace(/[.]$/, "")).join("; ")}`;
  return new TuError(first.code, message, { hint: [...new Set(hints)].join("; ") });
}
