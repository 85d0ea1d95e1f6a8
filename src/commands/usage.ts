import { type Argument, type Command, CommanderError, type Option } from "commander";
import { closest } from "../pipeline/closest.ts";
import { exitCodes, TuError } from "../pipeline/errors.ts";
import { type CommandWords, commandNamed, commandsOf, pathOf, readWords } from "./command-words.ts";
import { combined } from "./problems.ts";

/**
 * All problems of a command line, as one error: those that commander finds, and those that the command's own checks
 * find in the rest. Commander stops at its first: the words it is about are removed, and the rest is parsed again.
 * `createProgram` must make commands that check their arguments and do nothing. Undefined if the help was printed.
 */
export async function usageErrorOf(
  createProgram: () => Command,
  args: readonly string[],
): Promise<TuError | undefined> {
  const program = createProgram();
  const words = readWords(program, args);
  const help = `see \`${pathOf(words.command)} --help\``;
  const unknown = commandProblem(words);
  const early = earlyProblems(program, words);
  if (unknown !== undefined) return combined([...early, unknown], help);
  const met = await problemsIn(createProgram, words);
  return met === undefined ? undefined : combined([...early, ...met], help);
}

async function problemsIn(
  createProgram: () => Command,
  words: CommandWords,
): Promise<readonly TuError[] | undefined> {
  const met: TuError[] = [];
  const tolerated = new Set<string>();
  for (let left: readonly string[] | undefined = words.rest; left !== undefined; ) {
    const program = createProgram();
    tolerate(program, tolerated);
    const error = await firstProblem(program, left);
    if (error instanceof TuError) met.push(error);
    if (!(error instanceof CommanderError)) break;
    if (error.exitCode === 0) return undefined;
    if (error.code === codes.valueless) tolerated.add(codes.missingOption); // it is there
    // What is in excess now may have been the value of a removed option.
    if (error.code !== codes.excess || hasExcess(words)) met.push(problemOf(error, words));
    left = withoutProblem(left, error.message) ?? tolerating(error, left, tolerated);
  }
  return met;
}

const hasExcess = ({ command, operands }: CommandWords): boolean =>
  operands.length > command.registeredArguments.length;

/** The same words, if what is wrong was not tolerated before. */
function tolerating(
  { code }: CommanderError,
  words: readonly string[],
  tolerated: Set<string>,
): readonly string[] | undefined {
  if (tolerated.has(code) || code === codes.invalid) return undefined;
  tolerated.add(code);
  return words;
}

const codes = {
  excess: "commander.excessArguments",
  invalid: "commander.invalidArgument",
  missing: "commander.missingArgument",
  valueless: "commander.optionMissingArgument",
  missingOption: "commander.missingMandatoryOptionValue",
};

async function firstProblem(
  program: Command,
  args: readonly string[],
): Promise<CommanderError | TuError | undefined> {
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error;
    if (error instanceof TuError && error.exitCode === exitCodes.usage) return error;
    throw error;
  }
  return undefined;
}

/** Accepts what cannot be removed from the words. */
function tolerate(command: Command, tolerated: ReadonlySet<string>): void {
  command.allowExcessArguments(tolerated.has(codes.excess));
  if (tolerated.has(codes.missing))
    for (const argument of command.registeredArguments) argument.required = false;
  if (tolerated.has(codes.missingOption))
    for (const option of command.options) option.mandatory = false;
  for (const each of command.commands) tolerate(each, tolerated);
}

/** The words without those that commander's message is about; undefined if none can be removed. */
function withoutProblem(args: readonly string[], message: string): readonly string[] | undefined {
  const [, unknown] = /unknown option '(.+?)'/.exec(message) ?? [];
  const [, flags, value] = ofOption.exec(message) ?? [];
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
const ofOption = /option '(.+?)' argument (?:'(.*?)' is invalid|missing)/s;

/** A command that is missing or unknown: the other words cannot be judged without it. */
function commandProblem({ command, early, operands }: CommandWords): TuError | undefined {
  const names = commandsOf(command);
  const [first] = operands;
  if (first !== undefined && names.length > 0) return unknownCommand(command, first);
  if (first !== undefined || names.length === 0 || isDoing(command)) return undefined;
  const where = early.length === 0 ? "" : ` before ${early.join(" ")}`;
  return usageError(`no command was given${where}`, oneOf(listed(command)));
}

/** Whether it does something without a command below it: `state` does, `vision` does not. */
function isDoing(command: Command): boolean {
  return command.options.some(({ long }) => long === "--output");
}

function unknownCommand(command: Command, word: string): TuError {
  const guess = closest(word, commandsOf(command));
  const hint = guess === undefined ? oneOf(listed(command)) : `did you mean ${guess}?`;
  return usageError(`${pathOf(command)} has no command ${word}`, hint);
}

/** The commands that an error lists. */
function listed(command: Command): readonly string[] | undefined {
  const names = commandsOf(command).filter((name) => name !== "help");
  return names.length === 0 ? undefined : names;
}

/** The command that `help` was asked about. Throws E_USAGE. */
export function helpTopic(parent: Command, words: readonly string[]): Command {
  const { command, unknown } = commandNamed(parent, words);
  if (unknown === undefined) return command;
  throw combined([unknownCommand(command, unknown)], `see \`${pathOf(command)} --help\``);
}

/** Options before the first command, which has to come first. */
function earlyProblems(program: Command, { command, early }: CommandWords): readonly TuError[] {
  const flag = early.find((word) => word.startsWith("-") && !program.options.some(isNamed(word)));
  if (flag === undefined) return [];
  const isOfCommand = program.commands.some(({ options }) => options.some(isNamed(flag)));
  if (!isOfCommand) return [unknownOption(program, flag)];
  if (command === program) return []; // said with the command that is missing
  const given = early.join(" ");
  return [usageError(`${given} must follow the command`, `write \`${pathOf(command)} ${given}\``)];
}

/** By its long or short name, with or without a value. */
function isNamed(word: string): (option: Option) => boolean {
  return ({ long, short }) =>
    word.split("=")[0] === long ||
    (short !== undefined && /^-\w/.test(word) && word.startsWith(short));
}

/** Commander's error, as one of ours. */
function problemOf(error: CommanderError, { command, operands }: CommandWords): TuError {
  const { message } = error;
  const [, unknown] = /unknown option '(.+?)'/.exec(message) ?? [];
  if (unknown !== undefined) return unknownOption(command, unknown);
  const [, flags, value] = ofOption.exec(message) ?? [];
  const option = command.options.find((each) => each.flags === flags);
  if (option !== undefined && value === undefined)
    return usageError(`${option.long} needs a value`, oneOf(option.argChoices));
  if (option !== undefined) return notOneOf(`${option.long}`, value ?? "", option.argChoices);
  const [, required] = /required option '(.+?)'/.exec(message) ?? [];
  if (required !== undefined) return usageError(`${required} is missing`);
  return operandProblem(error, command.registeredArguments, operands);
}

function operandProblem(
  { code, message }: CommanderError,
  args: readonly Argument[],
  operands: readonly string[],
): TuError {
  const [, operand = ""] = /command-argument value '(.*?)' is invalid/s.exec(message) ?? [];
  const [first] = args;
  if (code === codes.excess) return usageError(`unexpected argument ${operands[args.length]}`);
  if (first === undefined) return usageError(message);
  const { argChoices, description } = first;
  return code === codes.missing
    ? usageError(`<${first.name()}> is missing`, oneOf(argChoices) ?? description)
    : notOneOf(first.name(), operand, argChoices);
}

function usageError(message: string, hint?: string): TuError {
  return new TuError("E_USAGE", message, hint === undefined ? {} : { hint });
}

function unknownOption(command: Command, word: string): TuError {
  const [name = word] = word.split("=");
  const known = command.options.flatMap(({ long, short }) => [long ?? [], short ?? []].flat());
  if (known.includes(name)) return usageError(`${name} takes no value, but ${word} has one`);
  const begun = name.length > 3 ? known.find((each) => each.startsWith(name)) : undefined;
  const guess = begun ?? (name.startsWith("--") ? closest(name, known) : undefined);
  return usageError(
    `unknown option ${word}`,
    guess === undefined ? undefined : `did you mean ${guess}?`,
  );
}

function notOneOf(name: string, value: string, choices: readonly string[] = []): TuError {
  const guess = closest(value, choices);
  return usageError(
    `${name} ${value} must be one of ${choices.join(", ")}`,
    guess === undefined ? undefined : `did you mean ${guess}?`,
  );
}

function oneOf(choices: readonly string[] | undefined): string | undefined {
  if (choices === undefined) return undefined;
  return choices.length === 1 ? `use ${choices[0]}` : `use one of ${choices.join(", ")}`;
}
