import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { ModelFiles } from "./models.ts";
import { createNativeCalls, endCalls } from "./native-calls.ts";
import type { Begun, NetworkThreadData } from "./network-threads.ts";
import type { Runtime } from "./runtime.ts";

export type Thread = {
  readonly worker: Worker;
  /** Ends the thread as soon as that is possible; may be called repeatedly. */
  readonly end: () => Promise<unknown>;
};

/** Bundled by the build; resolves from the sources as well as from dist/. */
export function startThread(
  entry: string,
  workerData: unknown,
  transferList: MessagePort[],
): Worker {
  const root = dirname(createRequire(import.meta.url).resolve("tu-analyze/package.json"));
  return new Worker(join(root, "dist", `${entry}.js`), { workerData, transferList });
}

/**
 * What each thread loads first: lines are located before they are read. Each holds another copy of the networks; a
 * third would take more memory than it is worth.
 */
const firsts = ["detect", "recognise"] as const;

export type NetworkOptions = {
  readonly models: ModelFiles;
  readonly runtime: Runtime;
  /** The maximum number of threads. */
  readonly most: number;
};

/**
 * Starts each thread when the previous one is ready, so that the first is ready soonest. With the native runtime
 * there is only one: it has read most pictures before a second would be of any use.
 */
export function startNetworks(
  { models, most, runtime }: NetworkOptions,
  watch: (thread: Thread) => void,
) {
  const planned = firsts.slice(0, Math.min(most, availableParallelism()));
  const channels = planned.map(() => new MessageChannel());
  let isOver = false;
  const begin = (at: number, like: Runtime, tell: (begun: Begun) => void): void => {
    const [first, port] = [planned[at], channels[at]?.port1];
    if (first === undefined || port === undefined || isOver) return;
    const thread = startNetworkThread({ models, port, first, runtime: like });
    watch(thread);
    thread.worker.once("message", (begun: Begun) => {
      tell(begun);
      // All threads that read a picture use the same runtime: results of two differ in the last digits.
      if (isWasm(begun)) begin(at + 1, { kind: "wasm" }, () => undefined);
    });
  };
  return {
    /** The first thread's report. */
    begun: new Promise<Begun>((resolve) => begin(0, runtime, resolve)),
    ports: channels.map(({ port2 }) => port2),
    startNoMore() {
      isOver = true;
    },
  };
}

function startNetworkThread(data: Omit<NetworkThreadData, "calls">): Thread {
  const calls = createNativeCalls();
  const worker = startThread("network-thread", { ...data, calls }, [data.port]);
  let isNative = data.runtime.kind === "native";
  const atExit = () => {
    if (isNative) endCalls(calls);
  };
  process.on("exit", atExit);
  worker.once("message", (begun: Begun) => {
    if (isWasm(begun)) isNative = false;
  });
  const ended = new Promise<void>((resolve) => {
    worker.once("exit", () => {
      process.off("exit", atExit);
      resolve();
    });
  });
  return {
    worker,
    end() {
      if (!isNative) return worker.terminate();
      worker.postMessage("end");
      return ended;
    },
  };
}

function isWasm(begun: Begun): boolean {
  return "kind" in begun && begun.kind === "wasm";
}
