import type { FlowName } from "../contracts/contract.ts";
import type { Message } from "../message.ts";
import type { Clock, Journal, Reporter, Timers } from "../ports.ts";
import { deadLetterName } from "./dead-letter.ts";
import { consumersOf, type Publish } from "./publish.ts";

/**
 * Takes up what earlier runs recorded and did not finish: publishes unconsumed messages again and
 * schedules pending timers. Resolves with the flows that go on now; those that wait for a later timer
 * are not among them. Consumers that recorded a message already give the same answer again, so
 * sending it to all of them is harmless.
 */
export async function resume(
  flow: FlowName,
  ports: {
    readonly journal: Journal;
    readonly timers: Timers;
    readonly clock: Clock;
    readonly publish: Publish;
    readonly reporter: Reporter;
  },
): Promise<readonly string[]> {
  const unfinished = await ports.journal.unfinished((message) => consumersOf(message, flow));
  const messages = new Map<string, Message>();
  const going = new Set<string>();
  for (const item of unfinished) {
    if (item.type === "timer") {
      ports.timers.schedule(item.timer);
      if (item.timer.dueAtMs <= ports.clock.nowMs()) going.add(item.timer.message.flowId);
    } else if (item.message.name !== deadLetterName) {
      messages.set(item.message.id, item.message);
      going.add(item.message.flowId);
    }
  }
  for (const flowId of going) {
    ports.reporter.notice({
      code: "resumed",
      message: `resuming flow ${flowId}, left by an earlier run`,
      flowId,
    });
  }
  await ports.publish([...messages.values()]);
  return [...going];
}
