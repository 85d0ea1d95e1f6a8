import { TuError } from "../errors.ts";
import type { Machine, Machines } from "../ports/machines.ts";
import type { MachineReport } from "../reports/machines.ts";

const pageSize = 500;

/** Most recently seen first, read page by page. A concurrent save may move a machine to the front. */
export async function* allMachines(
  machines: Pick<Machines, "list">,
  limit = Number.POSITIVE_INFINITY,
): AsyncGenerator<Machine> {
  let left = limit;
  for (let after: Machine | undefined; left > 0; ) {
    const most = Math.min(pageSize, left);
    const page = await machines.list({ limit: most, ...(after === undefined ? {} : { after }) });
    yield* page;
    left -= page.length;
    after = page.at(-1);
    if (page.length < most) return;
  }
}

/** The machine whose id starts with `prefix`. Throws E_USAGE, E_MACHINE_AMBIGUOUS and E_MACHINE_NOT_FOUND. */
export async function findMachine(
  machines: Pick<Machines, "find" | "idsWith">,
  prefix: string,
): Promise<Machine> {
  if (prefix.trim() === "") {
    throw new TuError("E_USAGE", "the machine id is empty", {
      hint: "list them with `tu-analyze machines`; the first few characters of an id are enough",
    });
  }
  const ids = await machines.idsWith(prefix);
  const [id, another] = ids;
  if (another !== undefined) {
    throw new TuError(
      "E_MACHINE_AMBIGUOUS",
      `${prefix} matches the ids of ${ids.length} machines`,
      {
        hint: `give more of the id, for example ${id} or ${another}`,
      },
    );
  }
  const machine = id === undefined ? undefined : await machines.find(id);
  if (machine !== undefined) return machine;
  throw new TuError("E_MACHINE_NOT_FOUND", `there is no machine ${prefix}`, {
    hint: "list them with `tu-analyze machines`",
  });
}

/** As reports have it. */
export const toReported = (machine: Machine): Omit<MachineReport, "schema"> => ({
  ...machine,
  sightings: [...machine.sightings],
  resembles: [...machine.resembles],
});

export const machineReport = (machine: Machine): MachineReport => ({
  schema: "tu-analyze/machine@1",
  ...toReported(machine),
});
