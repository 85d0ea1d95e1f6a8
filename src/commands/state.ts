import { exitCodes, TuError } from "../pipeline/errors.ts";
import { settleUploads } from "../pipeline/operations/confirmed-uploads.ts";
import { describeState } from "../pipeline/operations/describe-state.ts";
import { applyPrune, clearState, planPrune } from "../pipeline/operations/keep-state.ts";
import { verifyState } from "../pipeline/operations/verify-state.ts";
import { readLimit, requireDuration } from "./arguments.ts";
import { type OpenKept, openKept, removeNotes, sizeOfFiles, upgrading } from "./compose-state.ts";
import { keepLimits, loadSettings, type Settings } from "./config.ts";
import { type Format, formatOf, printAside, printJson, printLine } from "./output.ts";
import { untilSignal } from "./signals.ts";
import {
  clearLines,
  noStateLines,
  pruneLines,
  stateLines,
  verificationLines,
} from "./state-text.ts";

/** Options as commander has checked them. */
type Options = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly stateDir?: string;
  readonly olderThan?: string;
  readonly keep?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly machines?: boolean;
};

/** What is kept, and how large it is. */
export async function showState(options: Options): Promise<number> {
  const settings = await loadSettings({ stateDir: options.stateDir });
  const { keepFlows, keepFor, stateDir: directory } = settings;
  const described = await withKept(settings, (kept) => describeState(kept, kept.clock.nowMs()));
  const report = {
    schema: "tu-analyze/state@1" as const,
    directory,
    sizeBytes: await sizeOfFiles(directory),
    ...(described ?? nothing),
    limits: { keepFor, keepFlows },
  };
  print(options, report, () => stateLines(report, described !== null));
  return exitCodes.done;
}

const nothing = {
  flows: [],
  uploads: { pending: 0, confirmed: 0 },
  machines: { machines: 0, sightings: 0 },
  objects: { objects: 0, sizeBytes: 0 },
};

/** Lets go of what is over a limit; with --dry-run it only says what would go. */
export async function pruneState(options: Options): Promise<number> {
  if (options.olderThan !== undefined && options.olderThan !== "unlimited")
    requireDuration("--older-than", options.olderThan);
  const settings = await loadSettings({
    stateDir: options.stateDir,
    keepFor: options.olderThan,
    keepFlows: readLimit("--keep", options.keep, "flows"),
  });
  const isDryRun = options.dryRun === true;
  const stop = untilSignal(() => ({
    now: "stopping",
    rest: "what was removed is gone, the rest is still there",
    hint: "run it again",
  }));
  try {
    const pruned = await withKept(settings, async (kept) => {
      if (!isDryRun) await settleUploads(kept, new Date(kept.clock.nowMs()).toISOString());
      const plan = await planPrune(kept, keepLimits(settings), kept.clock);
      if (isDryRun) return { ...plan, removed: null };
      const removed = await applyPrune(kept, plan, stop.signal);
      if (removed.flows > 0) await compact(kept);
      return { ...plan, removed };
    });
    const { flows, objects, uploads } = pruned ?? { flows: [], objects: [], uploads: [] };
    const report = {
      schema: "tu-analyze/state-prune@1" as const,
      isDryRun,
      flows: flows.map(({ flow, flowId, lastAtMs, sizeBytes }) => ({
        ...{ flow, flowId, sizeBytes },
        lastAt: new Date(lastAtMs).toISOString(),
      })),
      uploads: uploads.map(({ uploadId }) => uploadId),
      objects: objects.map(({ key, sizeBytes }) => ({ key, sizeBytes })),
    };
    print(options, report, () => pruneLines(report, settings));
    return exitCodes.done;
  } finally {
    await stop.drain(undefined);
  }
}

async function compact({ journals }: OpenKept): Promise<void> {
  for (const journal of journals.values()) {
    try {
      await journal.compact();
    } catch (error) {
      if (!(error instanceof TuError) || error.code !== "E_STATE_BUSY") throw error;
      printAside(
        "the files keep their size while another process uses them; the space is used again",
      );
    }
  }
}

/** Removes everything but machines, and those too with --machines. */
export async function clearCommand(options: Options): Promise<number> {
  const settings = await loadSettings({ stateDir: options.stateDir });
  const isWithMachines = options.machines === true;
  if (options.yes !== true) {
    const what = isWithMachines ? "everything, machines too," : "everything but machines";
    throw new TuError("E_NOT_CONFIRMED", `this would remove ${what} from ${settings.stateDir}`, {
      hint: "look with `tu-analyze state`, and add --yes",
    });
  }
  const cleared = await withKept(settings, async (kept) => {
    const removed = await clearState(kept, isWithMachines ? "machines too" : "all but machines");
    await removeNotes(settings.stateDir);
    return { ...removed, machinesKept: (await kept.machines.count()).machines };
  });
  const report = {
    schema: "tu-analyze/state-clear@1" as const,
    directory: settings.stateDir,
    ...(cleared ?? { flows: 0, uploads: 0, objects: 0, machinesKept: 0 }),
  };
  print(options, report, () =>
    cleared === null ? noStateLines(settings.stateDir) : clearLines(report),
  );
  return exitCodes.done;
}

/** Reads all that is kept, and tells what does not fit together. */
export async function verifyCommand(options: Options): Promise<number> {
  const settings = await loadSettings({ stateDir: options.stateDir });
  const verified = await withKept(settings, (kept) => verifyState(kept, kept.digest));
  const report = {
    schema: "tu-analyze/state-verification@1" as const,
    ...(verified ?? { checked: { flows: 0, objects: 0, sightings: 0, uploads: 0 }, problems: [] }),
  };
  print(options, report, () =>
    verified === null ? noStateLines(settings.stateDir) : verificationLines(report),
  );
  return report.problems.length === 0 ? exitCodes.done : exitCodes.failed;
}

/** Null: there is no state yet. */
async function withKept<T>(
  { stateDir }: Settings,
  use: (kept: OpenKept) => Promise<T>,
): Promise<T | null> {
  const kept = await openKept(stateDir, (file) => printAside(upgrading(file)));
  if (kept === null) return null;
  try {
    return await use(kept);
  } finally {
    await kept.close();
  }
}

function print(options: Options, report: object, lines: () => readonly string[]): void {
  const format = formatOf(options);
  if (format !== "text") printJson(report, format);
  else for (const line of lines()) printLine(line);
}
