import { createPaint, printable } from "../adapters/terminal/text.ts";
import { cut, padded, widthOf } from "../adapters/terminal/width.ts";
import { exitCodes, TuError } from "../pipeline/errors.ts";
import { allMachines, findMachine, machineReport } from "../pipeline/operations/machines.ts";
import type { Machine, Machines } from "../pipeline/ports/machines.ts";
import { openMachines, upgrading } from "./compose-state.ts";
import { loadSettings } from "./config.ts";
import { type Format, formatOf, printDiagnostic, printJson, printLine } from "./output.ts";
import { columns } from "./terminal.ts";

/** Options as validated by commander. */
type Options = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly stateDir?: string;
  readonly limit?: string;
};

export async function listMachines(options: Options): Promise<number> {
  const limit = options.limit === undefined ? undefined : Number(options.limit);
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0)) {
    throw new TuError("E_USAGE", `--limit ${options.limit} must be a whole number above 0`, {
      hint: "omit it to list all",
    });
  }
  await withMachines(options, (store, stateDir) =>
    printMachines(store, { format: formatOf(options), limit, stateDir }),
  );
  return exitCodes.done;
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

export async function showMachine(id: string, options: Options): Promise<number> {
  const machine = await withMachines(options, (store) => findMachine(store, id));
  const format = formatOf(options);
  if (format !== "text") printJson(machineReport(machine), format);
  else for (const line of textDetails(machine)) printLine(line);
  return exitCodes.done;
}

async function withMachines<T>(
  options: Options,
  use: (store: Machines, stateDir: string) => Promise<T>,
): Promise<T> {
  const { stateDir } = await loadSettings({ stateDir: options.stateDir });
  const { close, machines } = await openMachines(stateDir, (file) =>
    printDiagnostic(upgrading(file)),
  );
  try {
    return await use(machines, stateDir);
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
