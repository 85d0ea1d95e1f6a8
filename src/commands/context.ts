import { rm, writeFile } from "node:fs/promises";
import { tableLines } from "../adapters/terminal/table.ts";
import { printable } from "../adapters/terminal/text.ts";
import { describeError, exitCodes } from "../pipeline/errors.ts";
import { type Leg, tryLegs } from "../pipeline/operations/legs.ts";
import type { Clock } from "../pipeline/ports/clock.ts";
import type { ContextReport } from "../pipeline/reports/contexts.ts";
import type { LegReport } from "../pipeline/reports/running.ts";
import { contextOf, openCluster, portOf, targetText } from "./cluster.ts";
import { deadlineOf, loadSettings, type Settings } from "./config.ts";
import { builtInContexts } from "./context-settings.ts";
import { choiceFile, directoryOf, local } from "./contexts.ts";
import { type Format, formatOf, printDiagnostic, printJson, printLine } from "./output.ts";
import { untilSignal } from "./signals.ts";
import { type ColourWhen, columns, paintFor } from "./terminal.ts";
import type { Work } from "./work.ts";

/** Options as validated by commander. */
type Options = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly color?: ColourWhen;
  readonly stateDir?: string;
  readonly timeout?: string;
};

export async function listContexts(options: Options): Promise<Work> {
  const { stateDir } = options;
  const current = await loadSettings({ stateDir });
  const names = [...builtInContexts, ...Object.keys(current.contexts)];
  const all = await Promise.all(
    names.map(async (name) => {
      const settings = await loadSettings({ stateDir, context: name });
      return reportOf(settings, name === current.context);
    }),
  );
  return () => {
    const format = formatOf(options);
    if (format === "jsonl") for (const report of all) printJson(report, format);
    else if (format === "json") {
      const contexts = all.map(({ schema: _, ...context }) => context);
      printJson({ schema: "tu-analyze/contexts@1", contexts }, format);
    } else for (const line of tableLines(all.map(rowOf), columns())) printLine(line);
    return exitCodes.done;
  };
}

function rowOf(report: ContextReport): readonly string[] {
  const { isCurrent, isProtected, isReadOnly, name } = report;
  const marks = [...(isProtected ? ["protected"] : []), ...(isReadOnly ? ["read-only"] : [])];
  return [`${isCurrent ? "*" : " "} ${name}`, placeOf(report), marks.join(", ")];
}

function placeOf({ kafka, problem, rabbitmq, s3 }: ContextReport): string {
  if (problem !== null) return printable(problem);
  if (kafka === null) return "everything embedded";
  const legs = [
    `kafka ${kafka.join(",")}`,
    `rabbitmq ${rabbitmq}`,
    ...(s3 === null ? [] : [`s3 ${s3}`]),
  ];
  return printable(legs.join(", "));
}

export async function showContext(name: string | undefined, options: Options): Promise<Work> {
  const { stateDir } = options;
  const current = await loadSettings({ stateDir });
  const settings = await loadSettings({ stateDir, context: name });
  return () => {
    const report = reportOf(settings, settings.context === current.context);
    if (formatOf(options) === "text") for (const line of detailsOf(report)) printLine(line);
    else printJson(report, formatOf(options));
    return exitCodes.done;
  };
}

function detailsOf(report: ContextReport): readonly string[] {
  const { flow, gateway, isProtected, isReadOnly, kafka, name, problem, rabbitmq, s3 } = report;
  const facts = [
    ["kafka", kafka?.join(", ") ?? "embedded"],
    ["rabbitmq", rabbitmq ?? "embedded"],
    ["s3", s3 ?? "in the state directory"],
    ["gateway", gateway ?? "-"],
    ...Object.entries(report.services),
    ["flow", flow],
    ["state", report.stateDir],
    ...(isProtected ? [["protected", "changes need --confirm"]] : []),
    ...(isReadOnly ? [["read-only", "changes are refused"]] : []),
    ...(problem === null ? [] : [["problem", problem]]),
  ] as const;
  const width = Math.max(...facts.map(([label = ""]) => label.length));
  return [
    name,
    ...facts.map(([label = "", fact = ""]) => `  ${label.padEnd(width)}  ${printable(fact)}`),
  ];
}

export async function useContext(name: string, options: Options): Promise<Work> {
  const { stateDir } = options;
  const settings = await loadSettings({ stateDir, context: name });
  return async () => {
    await choose(directoryOf(settings), name);
    const effective = await loadSettings({ stateDir });
    if (effective.context !== name)
      printDiagnostic(
        `a variable or a file chooses context ${effective.context}, which goes first`,
      );
    const report = reportOf(settings, effective.context === name);
    if (formatOf(options) !== "text") printJson(report, formatOf(options));
    else printLine(`from now on: ${targetText(settings)}`);
    return exitCodes.done;
  };
}

async function choose(directory: string, name: string): Promise<void> {
  const { makeStateDir } = await import("./compose-directory.ts");
  await makeStateDir(directory);
  if (name === local) await rm(choiceFile(directory), { force: true });
  else await writeFile(choiceFile(directory), `${name}\n`);
}

function reportOf(settings: Settings, isCurrent: boolean): ContextReport {
  const { flow, stateDir } = settings;
  const about = { schema: "tu-analyze/context@1", name: settings.context, isCurrent } as const;
  const kept = { flow, stateDir };
  try {
    const context = contextOf(settings);
    const gateway = context?.gateway ?? null;
    const rabbitmq = context?.rabbitmq;
    return {
      ...{ ...about, ...kept, kafka: context?.kafka.brokers ?? null },
      rabbitmq: rabbitmq === undefined ? null : `${rabbitmq.host}:${portOf(rabbitmq)}`,
      s3: context?.s3 === undefined ? null : `${context.s3.endpoint}/${context.s3.bucket}`,
      gateway: typeof gateway === "object" ? (gateway?.url ?? null) : gateway,
      services: context?.services ?? {},
      ...{ isProtected: context?.protected === true, isReadOnly: context?.readOnly === true },
      problem: null,
    };
  } catch (error) {
    const nowhere = { kafka: null, rabbitmq: null, s3: null, gateway: null, services: {} };
    const { reason: problem } = describeError(error);
    return { ...about, ...kept, ...nowhere, isProtected: false, isReadOnly: false, problem };
  }
}

const legTimeoutMs = 10_000;

/** Exit 1 if a leg does not work. */
export async function testContext(name: string | undefined, options: Options): Promise<Work> {
  const { stateDir, timeout } = options;
  const settings = await loadSettings({ stateDir, timeout, context: name });
  return async () => {
    const format = formatOf(options);
    if (format === "text") printDiagnostic(`testing ${targetText(settings)}`);
    const cluster = await openCluster(settings);
    const stop = untilSignal(() => ({ now: "stopping" }), deadlineOf(settings));
    const { openLegs } = await import("./compose-legs.ts");
    const isReadOnly = contextOf(settings)?.readOnly === true;
    const opened = await openLegs(cluster, { isReadOnly });
    try {
      return print(options, settings.context, await triedTwice(opened, stop.signal));
    } finally {
      await stop.drain(opened.close());
    }
  };
}

/** The first time connects: the second one is the round trip's own. */
async function triedTwice(
  { clock, legs }: { readonly clock: Clock; readonly legs: readonly Leg[] },
  signal: AbortSignal,
): Promise<readonly LegReport[]> {
  const during = { clock, signal, timeoutMs: legTimeoutMs };
  const first = await tryLegs(legs, during);
  const works = (leg: Leg) =>
    first.some(({ name, problem }) => name === leg.name && problem === null);
  const again = await tryLegs(legs.filter(works), during);
  return first.map((one) => again.find(({ name }) => name === one.name) ?? one);
}

function print(options: Options, context: string, legs: readonly LegReport[]): number {
  const isWorking = legs.every(({ problem }) => problem === null);
  const format = formatOf(options);
  const paint = paintFor("stdout", options.color);
  if (format !== "text")
    printJson({ schema: "tu-analyze/context-test@1", context, isWorking, legs }, format);
  else
    for (const { ms, name, problem } of legs)
      printLine(
        problem === null
          ? `${paint("green", "✔")} ${name.padEnd(24)} ${Math.round(ms ?? 0)} ms`
          : `${paint("red", "✖")} ${name.padEnd(24)} ${problem.code}: ${printable(problem.reason)}`,
      );
  return isWorking ? exitCodes.done : exitCodes.failed;
}
