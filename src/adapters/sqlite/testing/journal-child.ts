import type { JournalEntry } from "../../../pipeline/ports/journal.ts";
import { sampleEntry, sampleMessage } from "../../testing/samples.ts";
import { openSqliteState } from "../state.ts";

// The program that the multi-process tests fork. It reports over IPC what was recorded, after the fact.

export const stepsPerFlow = 5;
export const childMessage = (flowId: string, step: number) =>
  sampleMessage({ id: `${flowId}/${step}`, flowId, payload: { step } });
export const childOwedTo = (): readonly string[] => ["svc-a"];

/** Each step sends the next one; a timer set at the first step is cancelled when the flow ends. */
export function childEntry(flowId: string, step: number): JournalEntry {
  const timer = sampleMessage({ id: `${flowId}/timer`, flowId, kind: "timer" });
  return sampleEntry({
    consumer: "svc-a",
    message: childMessage(flowId, step),
    outgoing: step === stepsPerFlow - 1 ? [] : [childMessage(flowId, step + 1)],
    timers: step === 0 ? [{ message: timer, dueAtMs: 0, owner: "svc-a" }] : [],
    flow: { sequence: step + 1, state: { step }, ended: step === stepsPerFlow - 1 },
  });
}

const clock = { nowMs: () => Date.now(), sleep: () => Promise.reject(new Error("unused")) };
const say = (word: string) => process.send?.(word);

/** Runs flows concurrently forever, starting with those that an earlier child left behind. */
async function runFlows(file: string, name: string): Promise<void> {
  const { journal } = await openSqliteState(file, {
    clock,
    runnerId: name,
    owedTo: childOwedTo,
    checkpointEvery: 40,
  });
  const finish = async (flowId: string, from: number) => {
    for (let step = from; step < stepsPerFlow; step += 1) {
      await journal.record(childEntry(flowId, step));
      say(`${flowId}/${step}`);
    }
  };
  const left = (await journal.adopt(10_000)).filter((one) => one.type === "message");
  await Promise.all(
    left.map(({ message }) => finish(message.flowId, Number(message.id.split("/").at(-1)))),
  );
  const lane = async (number: number) => {
    for (let flow = 0; ; flow += 1) await finish(`${name}.${number}.${flow}`, 0);
  };
  await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(lane));
}

/** Takes `rounds` turns in one flow that others write to as well. */
async function compete(file: string, name: string, rounds: number): Promise<void> {
  const state = await openSqliteState(file, { clock, runnerId: name });
  for (let round = 0; round < rounds; ) {
    const last = (await state.journal.flow("svc-a", "shared"))?.sequence ?? 0;
    const message = sampleMessage({ id: `${name}/${round}`, flowId: "shared" });
    const flow = { sequence: last + 1, state: { by: name }, ended: false };
    const { outcome } = await state.journal.record(sampleEntry({ message, flow }));
    if (outcome === "recorded") round += 1;
  }
  await state.close();
  process.disconnect?.();
}

const [mode, file, name] = process.argv.slice(2);
if (file !== undefined && name !== undefined) {
  if (mode === "flows") await runFlows(file, name);
  if (mode === "compete") await compete(file, name, 40);
}
