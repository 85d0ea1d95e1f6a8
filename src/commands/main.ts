import { readFileSync } from "node:fs";
import { Argument, Command, CommanderError, Option } from "commander";
import { exitCodes, type TuError } from "../pipeline/errors.ts";
import type { Shell } from "./completion.ts";
import {
  asTuError,
  errorReport,
  type Format,
  failedToPrint,
  formatOf,
  formats,
  hasSeenEnough,
  printDiagnostic,
  printError,
  printJson,
  printLine,
  quietOnClosedPipe,
} from "./output.ts";
import { helpTopic, usageErrorOf } from "./usage.ts";
import type { Work } from "./work.ts";

type Options = Readonly<Record<string, unknown>>;

/** Runs the command line and resolves with the exit code. The only place that renders errors. */
export async function main(argv: readonly string[]): Promise<number> {
  quietOnClosedPipe();
  const args = argv.slice(2);
  let code: number = exitCodes.done;
  const layout = asksForHelp(args) ? await import("./help-layout.ts") : undefined;
  const program = commandTable(
    async (work) => {
      code = await work();
    },
    layout,
    argv,
  );
  try {
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync([...argv]);
    return withOutput(code);
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return exitCodes.done;
    const isUsage = error instanceof CommanderError;
    const told = isUsage
      ? await usageErrorOf(() => commandTable(onlyChecked, layout, argv), args)
      : error;
    return told === undefined ? withOutput(exitCodes.done) : render(asTuError(told), args);
  }
}

type Perform = (work: Work) => Promise<void>;

/** For a command line that is checked, and not carried out. */
const onlyChecked: Perform = () => Promise.resolve();

type HelpLayout = typeof import("./help-layout.ts");

function asksForHelp(args: readonly string[]): boolean {
  return args.length === 0 || args.some((arg) => /^(?:-\w*h|--help|help)$/.test(arg));
}

function commandTable(
  perform: Perform,
  layout: HelpLayout | undefined,
  argv: readonly string[],
): Command {
  const program = new Command("tu-analyze")
    .description("Run, inspect and repair the Trackunit image-analysis pipeline.")
    .option("-V, --version", "print the version") // handled by the launcher
    .exitOverride()
    .configureOutput({ writeErr: () => undefined });
  layout?.fitHelp(program);
  const all = [
    ...[addUpload, addUp, addPs, addWait, addDown, addContext, addRecognise, addVision],
    ...[addPublish, addTrace, addFlows, addMessages, addTopology, addMachines, addState],
    ...[addConfig, addCompletion, addVersion],
  ];
  for (const add of all) add(program, perform, argv);
  for (const parent of [program, ...program.commands])
    if (parent.commands.length > 0) addHelp(parent, perform);
  layout?.addHelpTexts(program);
  return program;
}

/** For a command that has others below it. */
function addHelp(parent: Command, perform: Perform): void {
  parent
    .helpCommand(false)
    .command("help")
    .description("show help for a command")
    .argument("[command...]", "its name")
    .action(async (words: readonly string[]) => {
      const topic = helpTopic(parent, words);
      await perform(() => {
        topic.outputHelp();
        return exitCodes.done;
      });
    });
}

function addUpload(program: Command, perform: Perform): void {
  withVision(common(program.command("upload")))
    .description("run the whole pipeline for one or more images and print the story")
    .argument("<image...>", "image files; - reads one from standard input")
    .addOption(flowOption("full: as designed; current: as deployed (default full)"))
    .addOption(
      repeatable("--fault <step=mode>", "fail, fail-once or timeout in a step; repeatable"),
    )
    .option("--timeout <duration>", "limit the whole command (default 2m per image)")
    .addOption(
      repeatable(
        "--step-timeout <[step=]duration>",
        "override the timeout of every step, or of one; repeatable",
      ),
    )
    .option("--concurrency <n>", "images processed at once (default 2)")
    .option("--state-dir <dir>", "where state is stored")
    .addOption(contextOption())
    .addOption(confirmOption())
    .option("--in-process", "run a pipeline of its own, even if one runs already")
    .option("--ephemeral", "store nothing")
    .addOption(
      repeatable(
        "--expect <field=value,…>",
        "exit 1 unless brand, model, type or verdict match; none means no value; repeatable",
      ),
    )
    .addOption(
      new Option("--expect-status <status>", "exit 1 unless the analysis ends this way").choices([
        "completed",
        "failed",
      ]),
    )
    .option("--batch", "treat one image like several: the same output and exit codes")
    .option("--verbose", "print every hop for several images too")
    .option("--timings", "print the time spent in each phase")
    .action(async (images: string[], options: Options) => {
      const { uploadCommand } = await import("./upload.ts");
      await perform(await uploadCommand(images, options));
    });
}

function addUp(program: Command, perform: Perform, argv: readonly string[]): void {
  withVision(common(program.command("up")))
    .description(
      "run the services of the pipeline until they are stopped, for clients and `upload`",
    )
    .addOption(flowOption("full: as designed; current: as deployed (default full)"))
    .addOption(contextOption())
    .addOption(confirmOption())
    .addOption(
      new Option("--only <service,…>", "run these services alone; repeatable").argParser(
        collectWords,
      ),
    )
    .option("--port <n>", "the gateway's port; the others follow it (default 7400; 0: any)")
    .addOption(
      repeatable("--fault <step=mode>", "fail, fail-once or timeout in a step; repeatable"),
    )
    .addOption(
      repeatable(
        "--step-timeout <[step=]duration>",
        "override the timeout of every step, or of one; repeatable",
      ),
    )
    .option("--state-dir <dir>", "where state is stored")
    .option("--ephemeral", "store nothing")
    .option("--detach", "return when it is ready, and leave it running")
    .option("--timeout <duration>", "with --detach: how long to wait for that (default 2m)")
    .option(
      "--ready-file <file>",
      "written when it is ready, with the same JSON; removed at the end",
    )
    .action(async (options: Options) => {
      const { upCommand } = await import("./up.ts");
      await perform(await upCommand(options, argv));
    });
}

function addPs(program: Command, perform: Perform): void {
  common(program.command("ps"))
    .description("list the running pipelines, and what is not ready")
    .addOption(contextOption())
    .option("--state-dir <dir>", "where state is stored")
    .action(async (options: Options) => {
      const { psCommand } = await import("./running.ts");
      await perform(await psCommand(options));
    });
}

function addWait(program: Command, perform: Perform): void {
  common(program.command("wait"))
    .description("wait until a pipeline is ready")
    .option("--ready", "every service is ready")
    .option("--timeout <duration>", "how long to wait (default 2m)")
    .addOption(contextOption())
    .option("--state-dir <dir>", "where state is stored")
    .action(async (options: Options) => {
      const { waitCommand } = await import("./running.ts");
      await perform(await waitCommand(options));
    });
}

function addDown(program: Command, perform: Perform): void {
  common(program.command("down"))
    .description("stop a running pipeline; what it accepted is finished or resumed")
    .argument("[process...]", "its process id, if several run")
    .option("--timeout <duration>", "how long to wait for its end (default 2m)")
    .addOption(contextOption())
    .option("--state-dir <dir>", "where state is stored")
    .action(async (pids: readonly string[], options: Options) => {
      const { downCommand } = await import("./running.ts");
      await perform(await downCommand(pids, options));
    });
}

function addContext(program: Command, perform: Perform): void {
  const context = program
    .command("context")
    .description("show, choose and test where pipelines and their messages are");
  const below = (name: string, description: string) =>
    common(context.command(name))
      .description(description)
      .option("--state-dir <dir>", "where state is stored");
  below("list", "list the contexts; * marks the one in use").action(async (options: Options) => {
    const { listContexts } = await import("./context.ts");
    await perform(await listContexts(options));
  });
  below("show", "show one context, without its secrets")
    .argument("[name]", "its name (default: the one in use)")
    .action(async (name: string | undefined, options: Options) => {
      const { showContext } = await import("./context.ts");
      await perform(await showContext(name, options));
    });
  below("use", "use this context from now on, wherever no other is named")
    .argument("<name>", "its name")
    .action(async (name: string, options: Options) => {
      const { useContext } = await import("./context.ts");
      await perform(await useContext(name, options));
    });
  below("test", "try every leg of a context, and print the round-trip times")
    .argument("[name]", "its name (default: the one in use)")
    .option("--timeout <duration>", "limit the whole command (default 2m)")
    .action(async (name: string | undefined, options: Options) => {
      const { testContext } = await import("./context.ts");
      await perform(await testContext(name, options));
    });
}

function addConfig(program: Command, perform: Perform): void {
  const config = program
    .command("config")
    .description("show every setting and where it comes from, and the files that set it");
  common(config.command("show"))
    .description("show every setting")
    .option("--origin", "and where it comes from: the option, variable, or file and line")
    .addOption(contextOption())
    .option("--state-dir <dir>", "where state is stored")
    .action(async (options: Options) => {
      const { showConfig } = await import("./config-command.ts");
      await perform(await showConfig(options));
    });
  common(config.command("path"))
    .description("show the files that settings are read from")
    .action(async (options: Options) => {
      const { configPath } = await import("./config-command.ts");
      await perform(await configPath(options));
    });
  common(config.command("init"))
    .description("write a first file here, with an example of a context")
    .option("--user", "in place of the project's file, the user's")
    .action(async (options: Options) => {
      const { initConfig } = await import("./config-command.ts");
      await perform(await initConfig(options));
    });
}

function addCompletion(program: Command, perform: Perform): void {
  program
    .command("completion")
    .description("print a script that completes commands, options, files, messages and ids")
    .addArgument(
      new Argument("<shell>", "the shell to complete for").choices(["bash", "zsh", "fish"]),
    )
    .action(async (shell: Shell) => {
      const { completionCommand } = await import("./completion.ts");
      await perform(() => completionCommand(shell));
    });
  program
    .command("__complete", { hidden: true })
    .argument("[words...]")
    .action(async (words: readonly string[]) => {
      const { completeCommand } = await import("./completion.ts");
      await perform(() => completeCommand(program, words));
    });
}

function addVersion(program: Command, perform: Perform): void {
  common(program.command("version"))
    .description("print the versions of this tool and of Node.js")
    .action(async (options: { readonly json?: boolean; readonly output?: Format }) => {
      await perform(() => printVersion(formatOf(options)));
    });
}

function printVersion(format: Format): number {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(manifest) as { version: string }; // our own
  const { node } = process.versions;
  if (format === "text") printLine(`tu-analyze ${version}, Node.js ${node}`);
  else printJson({ schema: "tu-analyze/version@1", version, node }, format);
  return exitCodes.done;
}

function addVision(program: Command, perform: Perform): void {
  const vision = program
    .command("vision")
    .description("manage recorded responses of Google Vision");
  common(vision.command("import"))
    .description("create a cassette from a response of the REST API")
    .argument("<answer.json>", "a whole response, or one entry of it")
    .addOption(
      new Option("--image <picture>", "the picture it belongs to; repeatable, in order")
        .argParser(collect)
        .makeOptionMandatory(),
    )
    .option("--vision-dir <dir>", "where cassettes are stored")
    .option("--state-dir <dir>", "where state is stored")
    .action(async (answer: string, options: Options) => {
      const { importCommand } = await import("./vision-import.ts");
      await perform(await importCommand(answer, options));
    });
}

function addRecognise(program: Command, perform: Perform): void {
  withVision(common(program.command("recognise")))
    .description(
      "show what is read in one or more images and how it is interpreted; no pipeline, no state",
    )
    .argument("<image...>", "image files; - reads one from standard input")
    .option("--annotate <file>", "draw the reading on the picture; a directory for several images")
    .option("--batch", "treat one image like several: the same output and exit codes")
    .option("--all", "also list texts without meaning, and print every image in full")
    .option("--timeout <duration>", "limit the whole command (default 2m per image)")
    .action(async (images: string[], options: Options) => {
      const { recogniseCommand } = await import("./recognise.ts");
      await perform(await recogniseCommand(images, options));
    });
}

function addPublish(program: Command, perform: Perform): void {
  common(program.command("publish"))
    .description("send any command or event of the catalogue")
    .argument("[message]", "its name; without it, --data holds what `trace -o jsonl` printed")
    .addOption(repeatable("--set <path=value>", "change a field of the template; repeatable"))
    .option("--data <@file|-|json>", "the body, in place of the template")
    .addOption(repeatable("-H, --header <name=value>", "set a header; repeatable"))
    .option("--key <key>", "Kafka's key, or the routing key")
    .option("--id <id>", "the message id (default: a new one)")
    .addOption(
      new Option("--on-conflict <how>", "when a message with --id was seen (default fail)").choices(
        ["fail", "skip", "send"],
      ),
    )
    .option("--count <n>", "send so many, each with an id of its own (default 1)")
    .option("--rate <n/s>", "send no faster than that: 5/s, 10/m")
    .option("--dry-run", "print what would be sent, and send nothing")
    .option("--edit", "change the body in an editor first")
    .option("--wait", "follow its flow to the end")
    .option("--timeout <duration>", "limit the whole command (default 2m)")
    .option("--no-validate", "send --data as it is, whatever it is")
    .addOption(
      new Option("--over <transport>", "where a message has several routes").choices([
        "kafka",
        "rabbitmq",
      ]),
    )
    .addOption(flowOption("full or current (default full)"))
    .addOption(contextOption())
    .addOption(confirmOption())
    .option("--state-dir <dir>", "where state is stored")
    .action(async (name: string | undefined, options: Options) => {
      const { publishCommand } = await import("./publish.ts");
      await perform(await publishCommand(name, options));
    });
}

function addTrace(program: Command, perform: Perform): void {
  common(program.command("trace"))
    .description("show what was seen of a flow, what led to what, and what became of it")
    .argument(
      "[id]",
      "a flow id or its beginning, an object key, an upload id or a message id (default: all flows)",
    )
    .option("--since <when>", "everything since then: 10m, 2026-11-01T10:00Z, epoch ms")
    .option("--until <when>", "and before then")
    .option("--follow", "go on with what comes, until Ctrl-C")
    .addOption(new Option("--where <filter>", "only what fits; repeatable").argParser(collect))
    .option("-n, --count <n>", "end after so many")
    .option("--idle <duration>", "with --follow: end when nothing came for so long")
    .option("--no-body", "without bodies")
    .addOption(
      new Option("--format <shape>", "how to draw a flow (default tree)").choices([
        "tree",
        "timeline",
      ]),
    )
    .addOption(contextOption())
    .option("--state-dir <dir>", "where state is stored")
    .action(async (id: string | undefined, options: Options) => {
      const { traceCommand } = await import("./trace.ts");
      await perform(await traceCommand(id, options));
    });
}

function addFlows(program: Command, perform: Perform): void {
  const flows = common(program.command("flows"))
    .description("list the flows that were seen, latest first")
    .addOption(contextOption())
    .option("--state-dir <dir>", "where state is stored")
    .addOption(
      new Option("--status <state,…>", "only in these states; repeatable").argParser(collectWords),
    )
    .option("--since <when>", "seen last since then: 10m, 2026-11-01T10:00Z, epoch ms")
    .option("--until <when>", "seen last before then")
    .addOption(new Option("--where <filter>", "only those that fit; repeatable").argParser(collect))
    .option("--limit <n>", "maximum number (default 20)")
    .action(async (options: Options) => {
      const { listFlowsCommand } = await import("./flows.ts");
      await perform(await listFlowsCommand(options));
    });
  common(flows.command("show"))
    .description("show one flow: the same as trace")
    .argument("<id>", "a flow id or its beginning, an object key, an upload id or a message id")
    .addOption(contextOption())
    .option("--state-dir <dir>", "where state is stored")
    .action(async (id: string, _options: Options, command: Command) => {
      const { showFlowCommand } = await import("./trace.ts");
      await perform(await showFlowCommand(id, command.optsWithGlobals()));
    });
}

function addMessages(program: Command, perform: Perform): void {
  common(program.command("messages"))
    .description("show the catalogue of commands and events")
    .argument("[name]", "one message")
    .option("--schema", "print its JSON Schema")
    .option("--example", "print an example body")
    .action(async (name: string | undefined, options: Options) => {
      const { messagesCommand } = await import("./messages.ts");
      await perform(() => messagesCommand(name, options));
    });
}

function addTopology(program: Command, perform: Perform): void {
  common(program.command("topology"), [...formats, "mermaid"])
    .description("show topics, exchanges, queues and bindings of a flow")
    .addOption(flowOption("full or current (default full)"))
    .action(async (options: Options) => {
      const { topologyCommand } = await import("./topology.ts");
      await perform(await topologyCommand(options));
    });
}

function addMachines(program: Command, perform: Perform): void {
  const machines = common(program.command("machines"))
    .description("list the recognised machines")
    .addOption(contextOption())
    .option("--state-dir <dir>", "where state is stored")
    .option("--limit <n>", "maximum number, most recently seen first")
    .action(async (options: Options) => {
      const { listMachines } = await import("./machines.ts");
      await perform(await listMachines(options));
    });
  common(machines.command("show"))
    .description("show one machine with its sightings")
    .argument("<id>", "its id, or a unique prefix")
    .addOption(contextOption())
    .option("--state-dir <dir>", "where state is stored")
    .action(async (id: string, _options: Options, command: Command) => {
      const { showMachine } = await import("./machines.ts");
      await perform(await showMachine(id, command.optsWithGlobals()));
    });
}

function addState(program: Command, perform: Perform): void {
  const state = common(program.command("state"))
    .description("show what is stored and its size")
    .addOption(contextOption())
    .option("--state-dir <dir>", "where state is stored")
    .action(async (options: Options) => {
      const { showState } = await import("./state.ts");
      await perform(await showState(options));
    });
  const below = (name: string, description: string) =>
    common(state.command(name))
      .description(description)
      .addOption(contextOption())
      .option("--state-dir <dir>", "where state is stored");
  below("prune", "remove finished flows beyond the age or count limit, and their pictures")
    .option("--older-than <duration>", "remove flows older than this (default 30d)")
    .option("--keep <n>", "keep at most this many of each kind (default 10000)")
    .option("--dry-run", "list what would be removed, and remove nothing")
    .action(async (_options: Options, command: Command) => {
      const { pruneCommand } = await import("./state.ts");
      await perform(await pruneCommand(command.optsWithGlobals()));
    });
  below("verify", "check the integrity of everything that is stored").action(
    async (_options: Options, command: Command) => {
      const { verifyCommand } = await import("./state.ts");
      await perform(await verifyCommand(command.optsWithGlobals()));
    },
  );
  below("clear", "remove everything except machines, including flows in progress")
    .option("--yes", "confirm the removal")
    .option("--machines", "also remove the machines and their pictures")
    .action(async (_options: Options, command: Command) => {
      const { clearCommand } = await import("./state.ts");
      await perform(await clearCommand(command.optsWithGlobals()));
    });
}

/** The options of every command. */
function common(command: Command, outputs: readonly string[] = formats): Command {
  return command
    .addOption(
      new Option("-o, --output <format>", "output format").choices(outputs).default("text"),
    )
    .option("--json", "the same as -o json")
    .addOption(
      new Option("--color <when>", "when to use colours")
        .choices(["auto", "always", "never"])
        .default("auto"),
    )
    .option("--debug", "print stack traces and causes");
}

/** The options of the commands that read pictures. */
function withVision(command: Command): Command {
  return command
    .addOption(
      new Option("--vision <how>", "provider that analyses the picture (default local)").choices([
        "local",
        "google",
        "record",
        "replay",
      ]),
    )
    .option("--vision-dir <dir>", "where Google Vision responses are stored")
    .option("--vision-models <dir>", "other PP-OCR networks for the local reader")
    .addOption(
      new Option("--vision-runtime <which>", "runtime for the networks (default auto)").choices([
        "auto",
        "wasm",
        "native",
      ]),
    )
    .option("--vision-endpoint <url>", "Google Vision endpoint; http:// means an emulator")
    .option("--max-vision-calls <n>", "limit calls to Google Vision");
}

const contextOption = () =>
  new Option("--context <name>", "where: local, env, or one of the configuration");

const confirmOption = () =>
  new Option("--confirm <context>", "the name of a protected context, to change it");

function flowOption(description: string): Option {
  return new Option("--flow <name>", description).choices(["full", "current"]);
}

function repeatable(flags: string, description: string): Option {
  return new Option(flags, description).argParser(collect).default([], "none");
}

function collectWords(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, ...value.split(",").map((word) => word.trim())];
}

function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

/** A result that could not be printed is a failure; one that its reader did not read to the end is not. */
function withOutput(code: number): number {
  if (failedToPrint()) return exitCodes.failed;
  return hasSeenEnough() ? exitCodes.done : code;
}

function render(error: TuError, args: readonly string[]): number {
  if (hasSeenEnough()) return exitCodes.done;
  if (failedToPrint() && error.code === "E_OUTPUT") return error.exitCode; // already reported
  const format = machineFormat(args);
  if (format !== undefined) printJson(errorReport(error), format);
  printError(error);
  if (args.includes("--debug")) printDebug(error);
  return error.exitCode;
}

function printDebug(error: Error): void {
  printDiagnostic(error.stack ?? String(error));
  if (error.cause instanceof Error) {
    printDiagnostic("caused by:");
    printDebug(error.cause);
  }
}

/** Parsed by hand, because an error may occur before the arguments were parsed. */
function machineFormat(args: readonly string[]): Format | undefined {
  const given = args.flatMap((arg, index) => {
    if (arg === "--json") return ["json"];
    if (arg === "-o" || arg === "--output") return [args[index + 1]];
    return /^(?:--output=|-o)(.+)$/.exec(arg)?.[1] ?? [];
  });
  const last = given.at(-1);
  return last === "json" || last === "jsonl" ? last : undefined;
}
