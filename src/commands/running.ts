import { tableLines } from "../adapters/terminal/table.ts";
import { printable } from "../adapters/terminal/text.ts";
import { exitCodes, TuError } from "../pipeline/errors.ts";
import type { InstanceReport } from "../pipeline/reports/running.ts";
import { listenerNames } from "./compose-edges.ts";
import type { Instance } from "./compose-running.ts";
import { deadlineOf, loadSettings, type Settings } from "./config.ts";
import { type Format, formatOf, printDiagnostic, printJson, printLine } from "./output.ts";
import { createProblems } from "./problems.ts";
import { untilSignal } from "./signals.ts";
import { columns } from "./terminal.ts";
import type { Work } from "./work.ts";

// The commands around `up`: what runs, waiting until it is ready, and stopping it.

/** Options as validated by commander. */
type Options = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly context?: string;
  readonly stateDir?: string;
  readonly timeout?: string;
  readonly ready?: boolean;
};

export function instanceReport(
  { flow, isEphemeral, pid, services, startedAt }: Instance,
  { stateDir }: Pick<Settings, "stateDir">,
  problems: readonly string[],
): InstanceReport {
  const gateway = services["graph-gateway"];
  return {
    schema: "tu-analyze/instance@1",
    ...{ pid, startedAt, flow, services },
    stateDir: isEphemeral ? null : stateDir,
    graphql: gateway === undefined ? null : `${gateway}/graphql`,
    isReady: problems.length === 0,
    problems: [...problems],
  };
}

/** For a banner. */
export const stateText = (stateDir: string | null): string =>
  stateDir === null ? "nothing is stored" : `state ${printable(stateDir)} (kept)`;

/** The addresses of its services, the one that clients use first. */
export function addressLines({ graphql, services }: InstanceReport): readonly string[] {
  const rows = listenerNames.flatMap((name) => {
    const url = name === "graph-gateway" ? graphql : services[name];
    return url === undefined || url === null || name === "observer" ? [] : [[name, url] as const];
  });
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, url]) => `  ${name.padEnd(width)}  ${url}`);
}

/** Every running pipeline of a state directory. */
export async function psCommand(options: Options): Promise<Work> {
  const settings = await loadSettings({ context: options.context, stateDir: options.stateDir });
  return async () => {
    const reports = await reportsOf(settings);
    const format = formatOf(options);
    if (format === "jsonl") for (const report of reports) printJson(report, format);
    else if (format === "json") {
      const instances = reports.map(({ schema: _, ...instance }) => instance);
      printJson({ schema: "tu-analyze/instances@1", instances }, format);
    } else printInstances(reports, settings);
    return exitCodes.done;
  };
}

export function printReady(report: InstanceReport, format: Format): number {
  if (format !== "text") printJson(report, format);
  else {
    printLine(`process ${report.pid} is ready`);
    for (const line of addressLines(report)) printLine(line);
  }
  return exitCodes.done;
}

export async function reportsOf(settings: Settings): Promise<readonly InstanceReport[]> {
  const { problemsOf, runningIn } = await import("./compose-running.ts");
  const instances = await runningIn(settings.stateDir);
  return Promise.all(
    instances.map(async (instance) =>
      instanceReport(instance, settings, await problemsOf(instance)),
    ),
  );
}

function printInstances(reports: readonly InstanceReport[], { stateDir }: Settings): void {
  if (reports.length === 0) {
    printLine(`nothing runs in ${printable(stateDir)}; start it with \`tu-analyze up\``);
    return;
  }
  const rows = reports.map(({ flow, graphql, isReady, pid, startedAt, stateDir: kept }) => [
    String(pid),
    flow,
    isReady ? "ready" : "not ready",
    startedAt,
    kept === null ? "ephemeral" : "kept",
    graphql ?? "-",
  ]);
  const header = ["PROCESS", "FLOW", "STATUS", "SINCE", "STATE", "GRAPHQL"];
  for (const line of tableLines([header, ...rows], columns())) printLine(line);
  for (const { pid, problems } of reports)
    for (const problem of problems) printLine(`  ${pid}: ${printable(problem)}`);
}

const pollMs = 100;

/** Waits until a pipeline is ready. */
export async function waitCommand(options: Options): Promise<Work> {
  const problems = createProblems();
  const { context, stateDir, timeout } = options;
  const read = await problems.meetLater(() => loadSettings({ context, stateDir, timeout }));
  if (options.ready !== true)
    problems.add(new TuError("E_USAGE", "what to wait for is missing", { hint: "add --ready" }));
  const settings = problems.settled(read);
  return async () => {
    const limit = deadlineOf(settings);
    const stop = untilSignal(() => ({ now: "no longer waiting" }), limit);
    try {
      return printReady(await untilReady(settings, stop.signal), formatOf(options));
    } finally {
      await stop.drain(undefined);
    }
  };
}

/** The oldest that is ready. Throws the signal's reason, with what is not ready if that is known. */
async function untilReady(settings: Settings, signal: AbortSignal): Promise<InstanceReport> {
  const { sleep } = await import("./compose-processes.ts");
  for (;;) {
    const reports = await reportsOf(settings);
    const ready = reports.find(({ isReady }) => isReady);
    if (ready !== undefined) return ready;
    await sleep(pollMs, signal).catch((error: unknown) => {
      throw notReady(error, reports, settings);
    });
  }
}

function notReady(error: unknown, reports: readonly InstanceReport[], settings: Settings): unknown {
  if (!(error instanceof TuError) || error.code !== "E_DEADLINE") return error;
  const found = reports.flatMap(({ pid, problems }) => problems.map((each) => `${pid}: ${each}`));
  const why = found.length > 0 ? found.join("; ") : `nothing runs in ${settings.stateDir}`;
  const hint = found.length > 0 ? "see `tu-analyze ps`" : "start it with `tu-analyze up --detach`";
  return new TuError("E_DEADLINE", `${error.message}: ${why}`, { hint });
}

/** Stops the pipelines with these process ids, or the only one. */
export async function downCommand(pids: readonly string[], options: Options): Promise<Work> {
  const problems = createProblems();
  const { context, stateDir, timeout } = options;
  const wanted = problems.meetEach(pids, readPid);
  const read = await problems.meetLater(() => loadSettings({ context, stateDir, timeout }));
  const settings = problems.settled(read);
  return () => down(wanted, settings, formatOf(options));
}

async function down(
  wanted: readonly number[],
  settings: Settings,
  format: Format,
): Promise<number> {
  const { runningIn } = await import("./compose-running.ts");
  const { stopInstance } = await import("./compose-processes.ts");
  const instances = await runningIn(settings.stateDir);
  const chosen = choose(instances, wanted, settings);
  const stop = untilSignal(() => ({ now: "no longer waiting for the end" }), deadlineOf(settings));
  try {
    if (format === "text")
      for (const { flow, pid } of chosen) printDiagnostic(`stopping process ${pid} (flow ${flow})`);
    const ends = chosen.map(async (instance) => ({
      ...{ pid: instance.pid, flow: instance.flow },
      isForced: await stopInstance(settings.stateDir, instance, stop.signal),
    }));
    const stopped = await Promise.all(ends);
    if (format !== "text") printJson({ schema: "tu-analyze/down@1", stopped }, format);
    else if (stopped.length === 0) printLine(`nothing runs in ${printable(settings.stateDir)}`);
    else
      for (const { isForced, pid } of stopped)
        printLine(`process ${pid} ${isForced ? "did not end, and was killed" : "has ended"}`);
    return exitCodes.done;
  } finally {
    await stop.drain(undefined);
  }
}

/** Throws E_INSTANCE_NOT_FOUND, or E_USAGE if it is not clear which is meant. */
function choose(
  instances: readonly Instance[],
  wanted: readonly number[],
  { stateDir }: Settings,
): readonly Instance[] {
  const pids = instances.map(({ pid }) => pid);
  const missing = wanted.filter((pid) => !pids.includes(pid));
  if (missing.length > 0)
    throw new TuError(
      "E_INSTANCE_NOT_FOUND",
      `no pipeline with process id ${missing.join(", ")} runs in ${stateDir}`,
      { hint: "see `tu-analyze ps`" },
    );
  if (wanted.length > 0) return instances.filter(({ pid }) => wanted.includes(pid));
  if (instances.length <= 1) return instances;
  throw new TuError("E_USAGE", `${instances.length} pipelines run in ${stateDir}`, {
    hint: `name those to stop: \`tu-analyze down ${pids.join(" ")}\` stops all of them`,
  });
}

function readPid(text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new TuError("E_USAGE", `${text} must be a process id`, { hint: "see `tu-analyze ps`" });
}
