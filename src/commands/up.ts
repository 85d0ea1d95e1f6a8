import { closest } from "../pipeline/closest.ts";
import { type ServiceName, serviceNames } from "../pipeline/contracts/contract.ts";
import { TuError } from "../pipeline/errors.ts";
import { tryLegs } from "../pipeline/operations/legs.ts";
import { aborted } from "../pipeline/or-aborted.ts";
import type { LegReport } from "../pipeline/reports/running.ts";
import { toIso } from "../pipeline/time.ts";
import { type VisionFlags, visionFlags } from "./arguments.ts";
import { type Cluster, openCluster, requireChangeable } from "./cluster.ts";
import type { PipelineOptions, Services } from "./compose.ts";
import { loadSettings, pipelineSettings, type Settings } from "./config.ts";
import { asTuError, type Format, formatOf } from "./output.ts";
import { createProblems } from "./problems.ts";
import { instanceReport } from "./running.ts";
import type { Scope } from "./scope.ts";
import { untilSignal } from "./signals.ts";
import { readFaults, readStepTimeouts } from "./step-options.ts";
import type { ColourWhen } from "./terminal.ts";
import { createUpScreen, type UpScreen } from "./up-screen.ts";
import type { Work } from "./work.ts";

/** Options as validated by commander. */
type Options = VisionFlags & {
  readonly output?: Format;
  readonly json?: boolean;
  readonly color?: ColourWhen;
  readonly flow?: Settings["flow"];
  readonly port?: string;
  readonly stateDir?: string;
  readonly ephemeral?: boolean;
  readonly fault?: readonly string[];
  readonly stepTimeout?: readonly string[];
  readonly detach?: boolean;
  readonly timeout?: string;
  readonly readyFile?: string;
  readonly context?: string;
  readonly confirm?: string;
  readonly only?: readonly string[];
};

/** Runs the services of the pipeline until it is stopped. `argv` is the whole command line. */
export async function upCommand(options: Options, argv: readonly string[]): Promise<Work> {
  const read = await readOptions(options);
  if (options.detach !== true) return () => up(options, read);
  const { upDetached } = await import("./up-detached.ts");
  return () => upDetached(argv, read.settings, formatOf(options));
}

/** Resolves with the exit code of what stopped it. */
async function up(options: Options, read: Read): Promise<number> {
  const screen = createUpScreen(options, read.settings);
  const stop = untilSignal(() => ({ now: "no new work; finishing what is running" }));
  const { createScope } = await import("./scope.ts");
  const scope = createScope();
  try {
    await start(options, read, { screen, scope, signal: stop.signal });
    // After a document that says it is ready, an error would be a second one.
    return asTuError(await aborted(stop.signal)).exitCode;
  } finally {
    await stop.drain(scope.close());
    screen.close();
  }
}

type Run = {
  readonly screen: UpScreen;
  readonly scope: Scope;
  readonly signal: AbortSignal;
};

/** Resolves when it is ready. */
async function start(options: Options, read: Read, { scope, screen, signal }: Run): Promise<void> {
  const { settings } = read;
  const { openServices } = await import("./compose.ts");
  const { register, writeReadyFile } = await import("./compose-running.ts");
  const cluster = await openCluster(settings);
  const services = scope.use(
    await openServices(pipelineOptions(options, { ...read, cluster }, { screen, signal }), {
      firstPort: settings.port,
      onEvent: screen.event,
    }),
  );
  const { addresses, clock, legs, observer } = services;
  const instance = {
    flow: settings.flow,
    isEphemeral: options.ephemeral === true,
    startedAt: toIso(clock.nowMs()),
    services: Object.fromEntries(addresses),
    observer,
  };
  const registered = await register(settings.stateDir, instance);
  scope.defer(registered.remove);
  const tried = await untilLegsWork({ legs, clock }, screen, signal);
  services.ready();
  const report = { ...instanceReport(registered.instance, settings, []), legs: [...tried] };
  if (options.readyFile !== undefined)
    scope.defer(await writeReadyFile(options.readyFile, `${JSON.stringify(report)}\n`));
  screen.ready(report);
}

function pipelineOptions(
  options: Options,
  { cluster, faults, only, settings, stepTimeouts }: Read & { readonly cluster: Cluster | null },
  { screen, signal }: Pick<Run, "screen" | "signal">,
): PipelineOptions {
  return {
    ...{ cluster, only, ...pipelineSettings(settings) },
    stateDir: options.ephemeral === true ? null : settings.stateDir,
    ...{ faults, stepTimeouts, signal, reporter: screen.reporter },
    timeoutMs: Number.POSITIVE_INFINITY,
  };
}

const legTimeoutMs = 5_000;
const tryAgainMs = 1_000;

/** Resolves when everything between the services works; says what does not, whenever that changes. */
async function untilLegsWork(
  { clock, legs }: Pick<Services, "clock" | "legs">,
  screen: UpScreen,
  signal: AbortSignal,
): Promise<readonly LegReport[]> {
  for (;;) {
    const tried = await tryLegs(legs, { clock, signal, timeoutMs: legTimeoutMs });
    const broken = tried.filter(({ problem }) => problem !== null);
    if (broken.length === 0) return tried;
    screen.broken(broken);
    await clock.sleep(tryAgainMs, signal);
  }
}

async function readOptions(options: Options) {
  const problems = createProblems();
  const { context, flow: named, port, stateDir, timeout } = options;
  const flags = { context, stateDir, port, flow: named, timeout, ...visionFlags(options) };
  const read = await problems.meetLater(() => loadSettings(flags));
  const flow = read?.flow ?? named ?? "full";
  const faults = problems.meet(() => readFaults(options.fault ?? [], flow), {});
  const stepTimeouts = problems.meet(() => readStepTimeouts(options.stepTimeout ?? [], flow), {});
  const only = problems.meet(() => readServices(options.only), null);
  const settings = problems.settled(read);
  requireChangeable(settings, options.confirm);
  return { settings, faults, only, stepTimeouts };
}
/** Throws E_USAGE naming every one that is unknown. */
function readServices(given: readonly string[] | undefined): readonly ServiceName[] | null {
  if (given === undefined) return null;
  const problems = createProblems();
  return problems.settled(problems.meetEach(given, readService));
}

function readService(text: string): ServiceName {
  const service = serviceNames.find((name) => name === text);
  if (service !== undefined) return service;
  const guess = closest(text, serviceNames);
  throw new TuError("E_USAGE", `--only: there is no service ${text}`, {
    hint: guess === undefined ? `known are ${serviceNames.join(", ")}` : `did you mean ${guess}?`,
  });
}
type Read = Awaited<ReturnType<typeof readOptions>>;
