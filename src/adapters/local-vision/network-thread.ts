import { parentPort, workerData } from "node:worker_threads";
import { loadNetworks, messageOf } from "./load-runtime.ts";
import { whileCalling } from "./native-calls.ts";
import type { Answer, Begun, NetworkThreadData, Task } from "./network-threads.ts";
import type { Networks } from "./networks.ts";

// The entry point of a network thread: it performs one task at a time, and blocks meanwhile.

// Set by `startThreads`, the only code that starts this file.
const { calls, port, ...wanted } = workerData as NetworkThreadData;
parentPort?.once("message", () => process.exit()); // this thread alone
try {
  const { networks, ...begun } = await whileCalling(calls, () => loadNetworks(wanted));
  port.on("message", async (task: Task) => port.postMessage(await answerTo(task, networks)));
  port.postMessage({ ready: true } satisfies Answer);
  parentPort?.postMessage(begun satisfies Begun);
} catch (error) {
  parentPort?.postMessage({ refused: messageOf(error) } satisfies Begun);
}

async function answerTo(task: Task, { detect, recognise }: Networks): Promise<Answer> {
  try {
    const result = await whileCalling<unknown>(calls, () =>
      task.kind === "detect" ? detect(task.input) : recognise(task.input),
    );
    return { result };
  } catch (error) {
    return { problem: messageOf(error) };
  }
}
