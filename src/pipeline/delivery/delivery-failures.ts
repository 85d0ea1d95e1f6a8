import { describeError, isInfrastructure, TuError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Tries } from "../ports/journal.ts";
import { toIso } from "../time.ts";
import { park, wasParked } from "./park.ts";
import type { Service } from "./service.ts";
import type { ShellPorts } from "./shell.ts";
import type { Delivery } from "./wire.ts";

/** How to settle a delivery, on any transport. */
export type Settle = {
  readonly done: () => Promise<void>;
  readonly again: (delayMs: number) => Promise<void>;
};

/** Handles messages that a service failed to process. */
export type DeliveryFailures = {
  /** Schedules redelivery, or parks the message. Never rejects because of the message's content. */
  handle(arrived: Delivery, message: Message, error: unknown, settle: Settle): Promise<void>;
  /** Whether this process has failed with this message. */
  hasFailed(message: Message): boolean;
  settled(message: Message): void;
};

/** Across all processes; then the message is parked. */
const triesMax = 8;
const delayMaxMs = 5000;

export function createDeliveryFailures(service: Service, ports: ShellPorts): DeliveryFailures {
  const { clock, journal, reporter } = ports;
  /** Failures of unsettled messages, for the delays between attempts. */
  const failures = new Map<string, number>();

  const tell = (message: Message, error: unknown, tries: number) => {
    const { code, reason } = describeError(error);
    const text = `${service.name} could not process ${message.name} (attempt ${tries}): ${reason}`;
    reporter.notice({ code, message: text, flowId: message.flowId });
  };
  /** A new delivery of a parked message starts from zero: a person has replayed it. A redelivery does not. */
  const countTry = async (arrived: Delivery, message: Message): Promise<Tries> => {
    const tryOnce = () => journal.failed(service.name, message, toIso(clock.nowMs()));
    let tries = await tryOnce();
    const { firstAt } = tries;
    const isLeftOver = !arrived.redelivered && tries.count > 1;
    if (isLeftOver && (await wasParked(service, ports, { arrived, message, firstAt }))) {
      await journal.pardon(service.name, message);
      tries = await tryOnce();
    }
    return tries;
  };
  /** True if parked. */
  const count = async (arrived: Delivery, message: Message, error: unknown): Promise<boolean> => {
    const tries = await countTry(arrived, message);
    tell(message, error, tries.count);
    const { code, reason } = describeError(error);
    // An unreadable message stays unreadable.
    if (code !== "E_MESSAGE_INVALID" && tries.count < triesMax) return false;
    const trouble = { code, reason, attempts: tries.count, firstAt: tries.firstAt };
    await park(service, ports, { arrived, message, trouble });
    return true;
  };
  const forget = ({ id }: Message) => void failures.delete(id);
  return {
    async handle(arrived, message, error, settle) {
      const failed = (failures.get(message.id) ?? 0) + 1;
      failures.set(message.id, failed);
      const isParked = await (isOurs(error)
        ? Promise.reject(error)
        : count(arrived, message, error)
      ).catch((trouble: unknown) => {
        tell(message, trouble, failed);
        return false;
      });
      if (!isParked) return settle.again(delayAfter(failed));
      forget(message);
      await settle.done();
    },
    hasFailed: ({ id }) => failures.has(id),
    settled: forget,
  };
}

function delayAfter(failures: number): number {
  return Math.min(50 * 2 ** Math.min(failures - 1, 10), delayMaxMs);
}

/** Infrastructure failures are ours, never the message's. */
function isOurs(error: unknown): boolean {
  return error instanceof TuError && isInfrastructure(error.code);
}
