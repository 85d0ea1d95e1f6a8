import type { AnalysisCompleted } from "../contracts/analysis.ts";
import { nothing, type Service } from "../delivery/service.ts";
import type { Message } from "../message.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import type { Machines } from "../ports/machines.ts";
import type { Reporter } from "../ports/reporter.ts";
import { writeHop } from "../trace/hops.ts";

const name = "svc-machine-storage";

type MachineStoragePorts = {
  readonly machines: Machines;
  readonly ids: Ids;
  readonly clock: Clock;
  readonly reporter: Reporter;
};

/**
 * Owns the machine records. Saving is idempotent by flow, and the identity of a machine is determined here: two
 * flows with one picture may both have compared before either was saved, so the id of a new machine derives from
 * its picture (from its flow if no comparison supplied the checksum). A picture in which nothing was recognised,
 * and which is not known either, creates no machine: it would have no name.
 */
export function createMachineStorage(ports: MachineStoragePorts): Service {
  return {
    name,
    endpoints: [],
    handlers: {
      "analysis.completed": async (message) => {
        // Decoded by its contract, which guarantees this shape.
        await save(message, message.payload as AnalysisCompleted, ports);
        return nothing;
      },
    },
    prefetch: 4,
  };
}

async function save(
  message: Message,
  { comparison, machineId, objectKey, recognitionPayload }: AnalysisCompleted,
  ports: MachineStoragePorts,
): Promise<void> {
  const aggregate = recognitionPayload?.aggregate;
  const isNameless = !aggregate?.brand && !aggregate?.type && !aggregate?.model;
  if (aggregate === undefined || (isNameless && !machineId)) {
    return report(message, "no machine saved", "nothing was recognised", ports);
  }
  const verdict = comparison?.verdict ?? "new";
  const checksum = comparison?.checksum?.slice("sha256:".length).toLowerCase() ?? null;
  const id = await ports.machines.save({
    machineId: machineId ?? ports.ids.derive(checksum ?? message.flowId, "machine"),
    checksum,
    brand: aggregate.brand,
    type: aggregate.type,
    model: aggregate.model,
    name: aggregate.name ?? "",
    confidence: aggregate.confidence,
    sighting: {
      flowId: message.flowId,
      objectKey: objectKey ?? message.subject,
      seenAt: message.occurredAt,
      verdict,
    },
    resembles:
      verdict === "ambiguous"
        ? (comparison?.matches ?? []).map(({ machineId, score }) => ({ machineId, score }))
        : [],
  });
  report(message, "machine saved", id, ports);
}

function report(
  message: Message,
  what: string,
  note: string,
  { clock, reporter }: MachineStoragePorts,
): void {
  const write = { name: what, from: name, to: "machines", atMs: clock.nowMs(), note };
  reporter.hop(writeHop(message, write));
}
