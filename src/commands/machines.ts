import { createPaint, printable } from "../adapters/terminal/text.ts";
import { exitCodes, TuError } from "../pipeline/errors.ts";
import type { Machine, Machines } from "../pipeline/ports.ts";
import { openMachines, upgrading } from "./compose-state.ts";
import { loadSettings } from "./config.ts";
import { type Format, printAside, printJson, printLine } from "./output.ts";

/** Options as commander has checked them. */
type Options = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly stateDir?: string;
  readonly limit?: string;
};

export async function listMachines(options: Options): Promise<number> {
  const limit = options.limit === undefined ? undefined : Number(options.limit);
  if (limit !== undefined && !(Number.isInteger(limit) && limit > 0)) {
    throw new TuError("E_USAGE", `--limit ${options.limit} is not a whole number above 0`, {
      hint: "leave it out to list all",
    });
  }
  const machines = await withMachines(options, (store) =>
    store.list(limit === undefined ? {} : { limit }),
  );
  const format = formatOf(options);
  if (format === "json") printJson({ schema: "tu-analyze/machines@1", machines }, format);
  else if (format === "jsonl") {
    for (const machine of machines)
      printJson({ schema: "tu-analyze/machine@1", ...machine }, format);
  } else for (const line of textList(machines)) printLine(line);
  return exitCodes.done;
}

export async function showMachine(id: string, options: Options): Promise<number> {
  const found = await withMachines(options, (store) => store.findByPrefix(id));
  const [machine, another] = found;
  if (machine === undefined) {
    throw new TuError("E_MACHINE_NOT_FOUND", `there is no machine ${id}`, {
      hint: "`tu-analyze machines` lists them",
    });
  }
  if (another !== undefined) {
    throw new TuError("E_MACHINE_AMBIGUOUS", `${id} begins the ids of ${found.length} machines`, {
      hint: `for example ${machine.id} and ${another.id}`,
    });
  }
  const format = formatOf(options);
  if (format !== "text") printJson({ schema: "tu-analyze/machine@1", ...machine }, format);
  else for (const line of textDetails(machine)) printLine(line);
  return exitCodes.done;
}

async function withMachines<T>(options: Options, use: (store: Machines) => Promise<T>): Promise<T> {
  const { stateDir } = await loadSettings({ stateDir: options.stateDir });
  const { close, machines } = await openMachines(stateDir, (file) => printAside(upgrading(file)));
  try {
    return await use(machines);
  } finally {
    await close();
  }
}

function formatOf({ json, output }: Options): Format {
  return json === true ? "json" : (output ?? "text");
}

function textList(machines: readonly Machine[]): readonly string[] {
  if (machines.length === 0) return ["no machines yet; `tu-analyze upload <image>` finds some"];
  return machines.map(
    ({ id, lastSeenAt, name, sightings }) =>
      `${id}  ${printable(name).padEnd(44)} seen ${sightings.length}×, last ${lastSeenAt}`,
  );
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
