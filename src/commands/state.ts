import { exitCodes, TuError } from "../pipeline/errors.ts";
import { describeState } from "../pipeline/operations/describe-state.ts";
import { clearState } from "../pipeline/operations/keep-state.ts";
import { compactFiles, pruneState } from "../pipeline/operations/prune-state.ts";
import { verifyState } from "../pipeline/operations/verify-state.ts";
import { type Cluster, openCluster } from "./cluster.ts";
import { removeLogs } from "./compose-processes.ts";
import { type OpenKept, openKept, removeNotes, sizeOfFiles, upgrading } from "./compose-state.ts";
import { keepLimits, loadSettings, type Settings } from "./config.ts";
import { type Format, formatOf, printDiagnostic, printJson, printLine } from "./output.ts";
import { untilSignal } from "./signals.ts";
import {
  clearLines,
  noStateLines,
  pruneLines,
  stateLines,
  verificationLines,
} from "./state-text.ts";
import type { Work } from "./work.ts";

/** Options as validated by commander. */
type Options = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly context?: string;
  readonly stateDir?: string;
  readonly olderThan?: string;
  readonly keep?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly machines?: boolean;
};

/** The content of the state directory, and its size. */
export async function showState(options: Options): Promise<Work> {
  const settings = await loadSettings({ context: options.context, stateDir: options.stateDir });
  return () => show(options, settings);
}

async function show(options: Options, settings: Settings): Promise<number> {
  const { keepFlows, keepFor, stateDir: directory } = settings;
  const limits = { keepFor, keepFlows };
  const [described, isThere] = await withKept(settings, async (kept) => {
    const about = { directory, limits, nowMs: Date.now() };
    return [await describeState(kept, about), kept !== null] as const;
  });
  const report = { ...described, sizeBytes: await sizeOfFiles(directory) };
  print(options, report, () => stateLines(report, isThere));
  return exitCodes.done;
}

/** Removes what exceeds a limit; with --dry-run it only reports what it would remove. */
export async function pruneCommand(options: Options): Promise<Work> {
  const { context, keep: keepFlows, olderThan: keepFor, stateDir } = options;
  const settings = await loadSettings({ context, stateDir, keepFor, keepFlows });
  return () => prune(options, settings);
}

async function prune(options: Options, settings: Settings): Promise<number> {
  const stop = untilSignal(() => ({
    now: "stopping",
    rest: "what was removed stays removed; the rest is unchanged",
    hint: "run it again",
  }));
  try {
    const [report, isThere] = await withKept(settings, async (kept) => {
      const pruned = await pruneState(kept, {
        limits: keepLimits(settings),
        clock: { nowMs: Date.now },
        signal: stop.signal,
        isDryRun: options.dryRun === true,
      });
      const isLess = kept !== null && !pruned.isDryRun && pruned.flows.length > 0;
      if (isLess) await compact([...kept.journals.values(), kept.seen]);
      return [pruned, kept !== null] as const;
    });
    print(options, report, () =>
      isThere ? pruneLines(report, settings) : noStateLines(settings.stateDir),
    );
    return exitCodes.done;
  } finally {
    await stop.drain(undefined);
  }
}

/** Removes everything but machines, and with --machines those too. */
export async function clearCommand(options: Options): Promise<Work> {
  const settings = await loadSettings({ context: options.context, stateDir: options.stateDir });
  return () => clear(options, settings);
}

async function clear(options: Options, settings: Settings): Promise<number> {
  const isWithMachines = options.machines === true;
  if (options.yes !== true) {
    const what = isWithMachines ? "everything, including machines," : "everything except machines";
    throw new TuError("E_NOT_CONFIRMED", `this would remove ${what} from ${settings.stateDir}`, {
      hint: "check with `tu-analyze state`, then add --yes",
    });
  }
  const { stateDir: directory } = settings;
  const [cleared, isThere] = await withKept(settings, async (kept) => {
    const removed = await clearState(kept, isWithMachines ? "machines too" : "all but machines");
    if (kept !== null) {
      await removeNotes(directory);
      await removeLogs(directory);
      // Otherwise what was removed could still be read in the file, which would keep its size.
      await compact([kept.shared, kept.seen]);
    }
    return [removed, kept !== null] as const;
  });
  const report = { schema: "tu-analyze/state-clear@1" as const, directory, ...cleared };
  print(options, report, () => (isThere ? clearLines(report) : noStateLines(directory)));
  return exitCodes.done;
}

/** Reads the whole state, and reports inconsistencies. */
export async function verifyCommand(options: Options): Promise<Work> {
  const settings = await loadSettings({ context: options.context, stateDir: options.stateDir });
  return () => verify(options, settings);
}

async function verify(options: Options, settings: Settings): Promise<number> {
  const [report, isThere] = await withKept(
    settings,
    async (kept) => [await verifyState(kept), kept !== null] as const,
    await openCluster(settings),
  );
  print(options, report, () =>
    isThere ? verificationLines(report) : noStateLines(settings.stateDir),
  );
  return report.problems.length === 0 ? exitCodes.done : exitCodes.failed;
}

async function compact(files: Parameters<typeof compactFiles>[0]): Promise<void> {
  if (await compactFiles(files)) return;
  printDiagnostic(
    "the files keep their size while another process uses them; the space will be reused",
  );
}

/** Null: there is no state yet. */
async function withKept<T>(
  settings: Settings,
  use: (kept: OpenKept | null) => Promise<T>,
  cluster: Cluster | null = null,
): Promise<T> {
  const onUpgrade = (file: string) => printDiagnostic(upgrading(file));
  const kept = await openKept(settings.stateDir, onUpgrade, cluster);
  try {
    return await use(kept);
  } finally {
    await kept?.close();
  }
}

function print(options: Options, report: object, lines: () => readonly string[]): void {
  const format = formatOf(options);
  if (format !== "text") printJson(report, format);
  else for (const line of lines()) printLine(line);
}
