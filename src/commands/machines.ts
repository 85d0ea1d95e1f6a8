import { createPaint, printable } from "../adapters/terminal/text.ts";
import { cut, padded, widthOf } from "../adapters/terminal/width.ts";
import { exitCodes } from "../pipeline/errors.ts";
import { allMachines, findMachine, machineReport } from "../pipeline/operations/machines.ts";
import type { Machine, Machines } from "../pipeline/ports/machines.ts";
import { readCount } from "./arguments.ts";
import { openMachines, upgrading } from "./compose-state.ts";
import { loadSettings, type Settings } from "./config.ts";
import { type Format, formatOf, printDiagnostic, printJson, printLine } from "./output.ts";
import { createProblems } from "./problems.ts";
import { columns } from "./terminal.ts";
import type { Work } from "./work.ts";

/** Options as validated by commander. */
type Options = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly context?: string;
  readonly stateDir?: string;
  readonly limit?: string;
};

export async function listMachines(options: Options): Promise<Work> {
  const problems = createProblems();
  const readLimit = () => readCount("--limit", options.limit, undefined, "omit it to list all");
  const limit = problems.meet(readLimit, undefined);
  const read = await problems.meetLater(() => settingsOf(options));
  const settings = problems.settled(read);
  return async () => {
    const about = { format: formatOf(options), limit, stateDir: settings.stateDir };
    await withMachines(settings, (store) => printMachines(store, about));
    return exitCodes.done;
  };
}

async function printMachines(
  store: Machines,
  about: {
    readonly format: Format;
    readonly limit: number | undefined;
    readonly stateDir: string;
  },
): Promise<void> {
  const { format, limit, stateDir } = about;
  const machines: Machine[] = [];
  let isEmpty = true;
  for await (const machine of allMachines(store, limit)) {
    isEmpty = false;
    if (format === "json") machines.push(machine);
    else if (format === "jsonl") printJson(machineReport(machine), format);
    else for (const line of textLines(machine, columns())) printLine(line);
  }
  if (format === "json") printJson({ schema: "tu-analyze/machines@1", machines }, format);
  else if (format === "text" && isEmpty)
    printLine(
      `no machines in ${printable(stateDir)} yet; add some with \`tu-analyze upload <image>\``,
    );
}

export async function showMachine(id: string, options: Options): Promise<Work> {
  const settings = await settingsOf(options);
  return async () => {
    const machine = await withMachines(settings, (store) => findMachine(store, id));
    const format = formatOf(options);
    if (format !== "text") printJson(machineReport(machine), format);
    else for (const line of textDetails(machine)) printLine(line);
    return exitCodes.done;
  };
}

const settingsOf = ({ context, stateDir }: Options) => loadSettings({ context, stateDir });

async function withMachines<T>(
  { stateDir }: Settings,
  use: (store: Machines) => Promise<T>,
): Promise<T> {
  const { close, machines } = await openMachines(stateDir, (file) =>
    printDiagnostic(upgrading(file)),
  );
  try {
    return await use(machines);
  } finally {
    await close();
  }
}

/** The width of a complete line. */
const wideWidth = 124;

/**
 * Fits the terminal: the beginning of the id is enough for `machines show`, and below 60 columns a line becomes two.
 */
function textLines({ id, lastSeenAt, name, sightings }: Machine, width: number): readonly string[] {
  const seen = `seen ${sightings.length}×`;
  const shown = printable(name);
  if (width >= wideWidth) return [`${id}  ${padded(shown, 44)} ${seen}, last ${lastSeenAt}`];
  const [start, day] = [id.slice(0, 13), lastSeenAt.slice(0, 10)];
  if (width < 60) return [cut(`${start}  ${seen}, ${day}`, width), `    ${cut(shown, width - 4)}`];
  const end = `${seen}, last ${day}`;
  const left = Math.min(44, width - start.length - widthOf(end) - 4);
  return [`${start}  ${padded(cut(shown, left), left)}  ${end}`];
}

function textDetails(machine: Machine): readonly string[] {
  const paint = createPaint(false);
  return [
    paint("bold", `${machine.id}  ${printable(machine.name)}`),
    `  brand       ${printable(machine.brand ?? "-")}`,
    `  model       ${printable(machine.model ?? "-")}`,
    `  type        ${printable(machine.type ?? "-")}`,
    `  confidence  ${machine.confidence.toFixed(2)}`,
    `  first seen  ${machine.firstSeenAt}`,
    `  last seen   ${machine.lastSeenAt}`,
    ...machine.sightings.map(
      ({ objectKey, seenAt, verdict }) => `  sighting    ${seenAt}  ${verdict}  ${objectKey}`,
    ),
    ...machine.resembles.map(
      ({ machineId, score }) => `  resembles   ${machineId}  ${score.toFixed(2)}`,
    ),
  ];
}
