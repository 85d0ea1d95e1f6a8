import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import type { Answer, NetworkThreadData, Task } from "./network-threads.ts";
import { lazyNetworks } from "./networks.ts";

// The entry of a network thread: it does one task at a time, and blocks meanwhile.

// V8 compiles a WebAssembly function again, optimized, when it has run for long enough. Of the runtime one
// function of half a megabyte would take two seconds and 200 MB for that, and be no faster; so it is told to
// wait for a processor's second of work. What the networks are made of has that behind it at once.
// And it checks a function when it first runs: most of the runtime's never do.
setFlagsFromString("--wasm-tiering-budget=800000000");
setFlagsFromString("--wasm-lazy-validation");
const runtime = await import("onnxruntime-web/wasm");
// Its own threads would spin while they wait.
runtime.env.wasm.numThreads = 1;
runtime.env.wasm.wasmBinary = readFileSync(new URL("ort-wasm-simd-threaded.wasm", import.meta.url));

// Given by `startThreads`, which alone starts this file.
const { models, port, first } = workerData as NetworkThreadData;
const networks = lazyNetworks(runtime, models);

port.on("message", async (task: Task) => {
  try {
    const result = await (task.kind === "detect"
      ? networks.detect(task.input)
      : networks.recognise(task.input));
    port.postMessage({ result } satisfies Answer);
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    port.postMessage({ problem } satisfies Answer);
  }
});

// Also when it failed, which whoever asks for something is told.
await networks.prepare(first).catch(() => undefined);
delete runtime.env.wasm.wasmBinary; // it is compiled by then
port.postMessage({ ready: true } satisfies Answer);
parentPort?.postMessage("ready");
