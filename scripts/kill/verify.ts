import { join } from "node:path";
import { createSystemClock } from "../../src/adapters/memory/clock.ts";
import { openSqliteState, type SqliteState } from "../../src/adapters/sqlite/state.ts";
import { openKept } from "../../src/commands/compose-state.ts";
import { consumersOf } from "../../src/pipeline/delivery/publish.ts";
import { allMachines } from "../../src/pipeline/operations/machines.ts";
import { type JournalEntry, parking } from "../../src/pipeline/ports/journal.ts";
import { ends } from "./uploader.ts";

// The fate of every upload, according to the state directory. Nothing is asked of the run that wrote it.

export type Outcome = {
  readonly completed: number;
  readonly failed: number;
  readonly pictures: number;
  readonly violations: readonly string[];
};
type FlowEnd = { readonly flowId: string; readonly objectKey: string; readonly end: string | null };

/** With transports that outlive the process, nobody has to record a message that they took. */
type Elsewhere = { readonly objectKeys: ReadonlySet<string> };

export function openJournal(
  stateDir: string,
  elsewhere: Elsewhere | null = null,
): Promise<SqliteState> {
  return openSqliteState(join(stateDir, "flow-full.db"), {
    clock: createSystemClock(),
    runnerId: "kill",
    owedTo: (message) => (elsewhere === null ? consumersOf(message, "full") : []),
  });
}

/**
 * `accepted`: the flows whose uploads were confirmed to the client. `elsewhere`: the run was on servers, and what it
 * stored there.
 */
export async function verify(
  stateDir: string,
  accepted: ReadonlySet<string>,
  elsewhere: Elsewhere | null = null,
): Promise<Outcome> {
  const state = await openJournal(stateDir, elsewhere);
  try {
    const violations: string[] = [];
    const flows: FlowEnd[] = [];
    for (const flowId of await flowIdsOf(state)) {
      const history = await state.journal.history(flowId);
      violations.push(...problemsIn(flowId, history));
      const [end = null] = endsIn(history);
      flows.push({ flowId, objectKey: history[0]?.message.subject ?? "", end });
    }
    const known = new Set(flows.map(({ flowId }) => flowId));
    for (const flowId of accepted)
      if (!known.has(flowId)) violations.push(`${flowId} was accepted and is not recorded: lost`);
    violations.push(...(await state.flows.verify()));
    const stored = await verifyStored(stateDir, flows, { accepted, elsewhere });
    return {
      completed: flows.filter(({ end }) => end === "analysis.completed").length,
      failed: flows.filter(({ end }) => end === "analysis.failed").length,
      pictures: stored.pictures,
      violations: [...violations, ...stored.violations],
    };
  } finally {
    await state.close();
  }
}

async function flowIdsOf({ flows }: SqliteState): Promise<readonly string[]> {
  const ids: string[] = [];
  let after: number | null = null;
  do {
    const page: Awaited<ReturnType<typeof flows.list>> = await flows.list({ after, limit: 1000 });
    ids.push(...page.flows.map(({ flowId }) => flowId));
    after = page.next;
  } while (after !== null);
  return ids;
}

const endsIn = (history: readonly JournalEntry[]): readonly string[] =>
  history.flatMap(({ outgoing }) =>
    outgoing.map(({ name }) => name).filter((name) => ends.includes(name)),
  );

function problemsIn(flowId: string, history: readonly JournalEntry[]): readonly string[] {
  const found = endsIn(history);
  const parked = history.filter(({ consumer }) => consumer === parking);
  return [
    ...(found.length === 0 ? [`${flowId} never ended: lost`] : []),
    ...(found.length > 1 ? [`${flowId} ended ${found.length} times: double`] : []),
    ...parked.map(({ outgoing }) => `${flowId}: ${JSON.stringify(outgoing[0]?.payload)} is parked`),
  ];
}

type KeptState = NonNullable<Awaited<ReturnType<typeof openKept>>>;

/** The effects: an object and a session per upload, one sighting per machine, one machine per picture. */
async function verifyStored(
  stateDir: string,
  flows: readonly FlowEnd[],
  { accepted, elsewhere }: { accepted: ReadonlySet<string>; elsewhere: Elsewhere | null },
) {
  const kept = await openKept(stateDir, () => undefined);
  if (kept === null) throw new Error(`${stateDir} keeps nothing`);
  try {
    const objects =
      elsewhere?.objectKeys ?? new Set((await kept.objects.list()).map(({ key }) => key));
    const machines = await machinesByFlow(kept);
    const { byPicture, unmarked } = await flowsByPicture(kept, flows);
    const violations = flows.flatMap(({ end, flowId, objectKey }) => {
      const count = machines.get(flowId)?.length ?? 0;
      return [
        ...(count === (end === "analysis.completed" ? 1 : 0)
          ? []
          : [`${flowId} (${end ?? "no end"}) was stored as ${count} sightings`]),
        ...(objects.has(objectKey) ? [] : [`${flowId}: its picture ${objectKey} is lost`]),
      ];
    });
    for (const [checksum, flowIds] of byPicture) {
      const { size } = new Set(flowIds.flatMap((flowId) => machines.get(flowId) ?? []));
      if (size > 1) violations.push(`the picture ${checksum} is ${size} machines: double`);
    }
    for (const flowId of accepted)
      if (unmarked.has(flowId))
        violations.push(`${flowId} was accepted, and its upload is pending`);
    return { pictures: byPicture.size, violations };
  } finally {
    await kept.close();
  }
}

async function machinesByFlow({ machines }: KeptState): Promise<ReadonlyMap<string, string[]>> {
  const byFlow = new Map<string, string[]>();
  for await (const { id, sightings } of allMachines(machines))
    for (const { flowId } of sightings) byFlow.set(flowId, [...(byFlow.get(flowId) ?? []), id]);
  return byFlow;
}

/** By the checksum claimed for it. An upload that was not accepted completely may have none. */
async function flowsByPicture({ uploads }: KeptState, flows: readonly FlowEnd[]) {
  const checksums = new Map((await uploads.list()).map(({ checksum, key }) => [key, checksum]));
  const byPicture = new Map<string, string[]>();
  const unmarked = new Set<string>();
  for (const { flowId, objectKey } of flows) {
    const checksum = checksums.get(objectKey) ?? null;
    if (checksum === null) unmarked.add(flowId);
    else byPicture.set(checksum, [...(byPicture.get(checksum) ?? []), flowId]);
  }
  return { byPicture, unmarked };
}
