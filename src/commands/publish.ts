import { printable } from "../adapters/terminal/text.ts";
import { traceLines } from "../adapters/terminal/trace-lines.ts";
import { describeError, exitCodes, TuError } from "../pipeline/errors.ts";
import { findFlow, flowWithMessage, traceOf } from "../pipeline/operations/flows.ts";
import { contractNamed } from "../pipeline/operations/messages.ts";
import type { Draft } from "../pipeline/operations/publish.ts";
import type { FlowStore } from "../pipeline/ports/flow-store.ts";
import type { Reporter } from "../pipeline/ports/reporter.ts";
import type { TraceReport } from "../pipeline/reports/flows.ts";
import type { Published, PublishReport } from "../pipeline/reports/records.ts";
import { bodyOf, headersOf, keyOf } from "../pipeline/trace/records.ts";
import { readCount } from "./arguments.ts";
import { openCluster, requireChangeable, targetText } from "./cluster.ts";
import type { PipelineOptions } from "./compose.ts";
import type { Publishing } from "./compose-publish.ts";
import { deadlineOf, loadSettings, pipelineSettings, type Settings } from "./config.ts";
import { local } from "./contexts.ts";
import { type Format, formatOf, printDiagnostic, printJson, printLine } from "./output.ts";
import { createProblems } from "./problems.ts";
import { type DraftOptions, dataOf, draftsOf } from "./publish-drafts.ts";
import { type ConflictMode, readHeader, readRate } from "./publish-options.ts";
import { untilSignal } from "./signals.ts";
import { type ColourWhen, columns, paintFor } from "./terminal.ts";
import type { Work } from "./work.ts";

/** Options as validated by commander. */
type Options = DraftOptions & {
  readonly output?: Format;
  readonly json?: boolean;
  readonly color?: ColourWhen;
  readonly context?: string;
  readonly confirm?: string;
  readonly stateDir?: string;
  readonly flow?: Settings["flow"];
  readonly header?: readonly string[];
  readonly onConflict?: ConflictMode;
  readonly count?: string;
  readonly rate?: string;
  readonly dryRun?: boolean;
  readonly wait?: boolean;
  readonly timeout?: string;
};

/** Sends a message of the catalogue, or what `trace -o jsonl` printed. */
export async function publishCommand(name: string | undefined, options: Options): Promise<Work> {
  const read = await readOptions(name, options);
  if (options.dryRun !== true) requireChangeable(read.settings, options.confirm);
  return () => publish(options, read);
}

async function readOptions(name: string | undefined, options: Options) {
  const problems = createProblems();
  const { context, flow, stateDir, timeout } = options;
  const contract = name === undefined ? null : contractNamed(name);
  const read = await problems.meetLater(() => loadSettings({ context, flow, stateDir, timeout }));
  const headers = problems.meetEach(options.header ?? [], readHeader);
  const count = problems.meet(() => readCount("--count", options.count, 1), 1);
  const pauseMs = problems.meet(() => readRate(options.rate), 0);
  problems.meet(() => requireFitting(name, options, count), undefined);
  return { contract, headers, count, pauseMs, settings: problems.settled(read) };
}
type Read = Awaited<ReturnType<typeof readOptions>>;

function requireFitting(name: string | undefined, options: Options, count: number): void {
  const { data, id, set = [], validate } = options;
  if (name === undefined && data === undefined)
    throw new TuError("E_USAGE", "<message> is missing", {
      hint: "list them with `tu-analyze messages`",
    });
  if (id !== undefined && count > 1)
    throw new TuError("E_USAGE", "--id names one message, and --count sends several");
  if (validate === false && (data === undefined || set.length > 0))
    throw new TuError("E_USAGE", "--no-validate sends --data as it is, without --set", {
      hint: "for example --no-validate --data 'no json'",
    });
}

async function publish(options: Options, read: Read): Promise<number> {
  const { settings } = read;
  const stop = untilSignal(() => ({ now: "stopping" }), deadlineOf(settings));
  let opened: Publishing | undefined;
  try {
    const text = await dataOf(options, stop.signal);
    if (options.dryRun === true) {
      const { clock, ids } = await (await import("./compose-tools.ts")).openTools();
      const drafts = await draftsOf(text, options, read, { clock, ids, flowOf: async () => null });
      return print(
        options,
        read,
        drafts.map((draft) => published(draft, null, "dry-run")),
        null,
      );
    }
    opened = await open(options, settings, stop.signal);
    return await send(text, options, read, { ...opened, signal: stop.signal });
  } finally {
    await stop.drain(opened?.close());
  }
}

type Sending = Publishing & { readonly signal: AbortSignal };

async function send(
  text: string | null,
  options: Options,
  read: Read,
  sending: Sending,
): Promise<number> {
  const { clock, ids, publisher, signal, store } = sending;
  const flowOf = async (objectKey: string) => (await store.find(objectKey, 1))[0]?.flowId ?? null;
  const drafts = await draftsOf(text, options, read, { clock, ids, flowOf });
  const messages: Published[] = [];
  for (const [index, draft] of drafts.entries()) {
    if (index > 0 && read.pauseMs > 0) await clock.sleep(read.pauseMs, signal);
    signal.throwIfAborted();
    if (await isConflict(draft, options, store)) {
      messages.push(published(draft, null, "skipped"));
      continue;
    }
    if (index === 0) tellTarget(read.settings, draft);
    const { place, routed } = await publisher.send(draft.destination, draft.wire);
    messages.push(published(draft, place, "sent"));
    if (!routed) throw unroutable(draft);
  }
  await settle(drafts, sending);
  const last = drafts.at(-1);
  const trace =
    options.wait === true && last !== undefined ? await followed(last, read, sending) : null;
  return print(options, read, messages, trace);
}

function tellTarget(settings: Settings, { destination }: Draft): void {
  printDiagnostic(`publishing to ${targetText(settings)}: ${placeOf(destination)}`);
}

const placeOf = (destination: Draft["destination"]) =>
  destination.transport === "kafka"
    ? `kafka:${destination.topic}`
    : `rabbitmq:${destination.exchange}`;

const unroutable = ({ destination, message }: Draft) =>
  new TuError("E_UNROUTABLE", `no queue took ${message.name} from ${placeOf(destination)}`, {
    hint: "compare the broker with `tu-analyze topology`; does its consumer run?",
  });

async function isConflict(draft: Draft, options: Options, store: FlowStore): Promise<boolean> {
  const { id, onConflict = "fail" } = options;
  if (id === undefined || onConflict === "send") return false;
  const seen = await flowWithMessage(id, store);
  if (seen === undefined) return false;
  if (onConflict === "skip") return true;
  throw new TuError("E_MESSAGE_SEEN", `a message ${id} was seen before, in flow ${seen.flowId}`, {
    hint: `${draft.message.name} was not sent; --on-conflict skip is no error, send sends it`,
  });
}

/** Its services have recorded what they make of it: from then on the next start goes on with it. */
async function settle(drafts: readonly Draft[], { clock, isOwed, signal }: Sending): Promise<void> {
  for (const { message } of drafts)
    while (await isOwed(message)) await clock.sleep(lookEveryMs, signal);
}

const lookEveryMs = 100;

/** The flow of a message, when it has ended. The deadline says how far it came. */
async function followed(
  { message }: Draft,
  { settings }: Read,
  sending: Sending,
): Promise<TraceReport> {
  const { clock, signal, store } = sending;
  let isEnded = false; // what follows an end is seen a moment later
  for (;;) {
    const [about] = await store.find(message.flowId, 1);
    const ports = { store, nowMs: clock.nowMs(), isRunning: null };
    const hasEnded = about !== undefined && about.status !== "running";
    if (hasEnded && isEnded) return traceOf(about, settings, ports);
    isEnded = hasEnded;
    if (signal.aborted) throw await lateness(signal.reason, message.flowId, settings, ports);
    const pauseMs = isEnded ? 3 * lookEveryMs : lookEveryMs;
    await clock.sleep(pauseMs, signal).catch(() => undefined); // looked at once more
  }
}

async function lateness(
  reason: unknown,
  flowId: string,
  { context }: Settings,
  ports: Parameters<typeof traceOf>[2],
): Promise<unknown> {
  if (!(reason instanceof TuError) || reason.code !== "E_DEADLINE") return reason;
  const told = await findFlow(flowId, ports)
    .then((about) => traceOf(about, { context }, ports))
    .then(({ verdict }) => verdict.text)
    .catch((error: unknown) => describeError(error).reason);
  return new TuError("E_DEADLINE", `${reason.message}: ${told}`, {
    hint: `see \`tu-analyze trace ${flowId}\``,
    cause: reason,
  });
}

async function open(
  options: Options,
  settings: Settings,
  signal: AbortSignal,
): Promise<Publishing> {
  const { openPublishing } = await import("./compose-publish.ts");
  const { runningIn } = await import("./compose-running.ts");
  const { flow, stateDir } = settings;
  const cluster = await openCluster(settings);
  const here = settings.context === local ? await runningIn(stateDir) : [];
  const running = here.find((one) => one.flow === flow) ?? null;
  const target = { cluster, running, stateDir, flow, isFollowed: options.wait === true };
  return openPublishing(target, async () => pipelineOptions(settings, signal));
}

/** Of a pipeline for what was published alone. */
function pipelineOptions(settings: Settings, signal: AbortSignal): PipelineOptions {
  const notice: Reporter["notice"] = ({ code, message }) =>
    printDiagnostic(`! ${code}: ${printable(message)}`);
  const common = pipelineSettings(settings);
  return {
    ...{ cluster: null, only: null, faults: {}, stepTimeouts: {}, signal },
    ...{ ...common, stateDir: settings.stateDir },
    vision: { ...common.vision, isForOne: true },
    reporter: { hop: () => undefined, notice },
    timeoutMs: deadlineOf(settings).ms,
  };
}

function published(draft: Draft, place: string | null, status: Published["status"]): Published {
  const { destination, message, wire } = draft;
  const { flowId, id, name } = message;
  return {
    ...{ name, id, flowId, place, status },
    destination: placeOf(destination),
    key: keyOf(wire),
    headers: headersOf(wire),
    body: bodyOf(wire.body),
    sizeBytes: wire.body?.length ?? 0,
  };
}

function print(
  options: Options,
  { settings }: Read,
  messages: readonly Published[],
  trace: TraceReport | null,
): number {
  const format = formatOf(options);
  const report: PublishReport = {
    ...{ schema: "tu-analyze/publish@1", context: settings.context },
    messages: [...messages],
    trace,
  };
  if (format !== "text") printJson(report, format);
  else for (const line of textLines(report, options)) printLine(line);
  const isGood = trace === null || trace.verdict.state === "complete";
  return isGood ? exitCodes.done : exitCodes.failed;
}

function textLines({ messages, trace }: PublishReport, { color }: Options): readonly string[] {
  const layout = { paint: paintFor("stdout", color), width: columns() };
  return [
    ...messages.flatMap(messageLines),
    ...(trace === null ? [] : ["", ...traceLines(trace, "tree", layout)]),
  ];
}

function messageLines(message: Published): readonly string[] {
  const { body, destination, flowId, headers, id, key, name, place, sizeBytes, status } = message;
  if (status === "skipped") return [`${name} ${id} was seen before, and not sent again`];
  if (status === "sent") return [`${name} ${id} → ${place}  flow ${flowId}`];
  return [
    `${name} → ${destination}  (not sent)`,
    `  key      ${printable(key ?? "-")}`,
    ...Object.entries(headers).map(
      ([header, value]) => `  ${printable(header)}: ${printable(value)}`,
    ),
    `  body     ${sizeBytes} bytes`,
    printable(typeof body === "string" ? body : JSON.stringify(body)),
  ];
}
