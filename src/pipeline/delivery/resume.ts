import type { FlowName } from "../contracts/contract.ts";
import type { Message } from "../message.ts";
import type { Journal, Reporter, Timers } from "../ports.ts";
import { consumersOf, type Publish } from "./publish.ts";

/**
 * Takes up what earlier runs recorded and did not finish: publishes unconsumed messages again and
 * schedules pending timers. Resolves with the flows that go on. Consumers that recorded a message
 * already give the same answer again, so sending it to all of them is harmless.
 */
export async function resume(
  flow: FlowName,
  ports: {
    readonly journal: Journal;
    readonly timers: Timers;
    readonly publish: Publish;
    readonly reporter: Reporter;
  },
): Promise<readonly string[]> {
  const unfinished = await ports.journal.unfinished((message) => consumersOf(message, flow));
  const messages = new Map<string, Message>();
  for (const item of unfinished) {
    if (item.type === "timer") ports.timers.schedule(item.timer);
    else messages.set(item.message.id, item.message);
  }
  await ports.publish([...messages.values()]);
  const waiting = [...messages.values()].filter(({ kind }) => kind !== "timer");
  const flowIds = new Set([
    ...waiting.map(({ flowId }) => flowId),
    ...unfinished.flatMap((item) => (item.type === "timer" ? [item.timer.message.flowId] : [])),
  ]);
  for (const flowId of flowIds) {
    ports.reporter.notice({
      code: "resumed",
      message: `resuming flow ${flowId}, left by an earlier run`,
      flowId,
    });
  }
  return [...flowIds];
}
