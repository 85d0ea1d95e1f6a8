import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { setFlagsFromString } from "node:v8";
import type { Begun, NetworkThreadData } from "./network-threads.ts";
import { type LazyNetworks, lazyNetworks, type OnnxRuntime } from "./networks.ts";

// ONNX Runtime, either as WebAssembly, which is bundled, or as native code, which may be installed next to
// tu-analyze. Both run a network on the calling thread, and block it.

export type Loaded = Exclude<Begun, { readonly refused: string }> & {
  readonly networks: LazyNetworks;
};
type Wanted = Omit<NetworkThreadData, "port" | "calls">;

/** With the first network loaded. Rejects if a required native runtime cannot be loaded. */
export async function loadNetworks(wanted: Wanted): Promise<Loaded> {
  const { first, runtime } = wanted;
  if (runtime.kind === "wasm") return loadWasm(wanted, null);
  try {
    const native = loadNative(wanted, runtime.file);
    const prepared = native.networks.prepare(first);
    // A runtime that is too old loads, but cannot run these networks. If it is required, the calls that use it
    // report that.
    await (runtime.isRequired ? prepared.catch(() => undefined) : prepared);
    return native;
  } catch (error) {
    if (runtime.isRequired) throw error;
    return loadWasm(wanted, messageOf(error));
  }
}

async function loadWasm({ first, models }: Wanted, problem: string | null): Promise<Loaded> {
  // V8 recompiles a WebAssembly function, optimized, once it has run for long enough. For one function of the
  // runtime, half a megabyte in size, that would take two seconds and 200 MB without making it faster; hence a
  // tiering budget of one second of processor time, which the functions of the networks reach at once. V8 also
  // validates a function when it first runs: most of the runtime's never do.
  setFlagsFromString("--wasm-tiering-budget=800000000");
  setFlagsFromString("--wasm-lazy-validation");
  const onnx = await import("onnxruntime-web/wasm");
  const { env } = onnx;
  env.wasm.numThreads = 1; // its own threads would spin while they wait
  env.wasm.wasmBinary = readFileSync(new URL("ort-wasm-simd-threaded.wasm", import.meta.url));
  // The optimizations cost half a second and 80 MB when a network is loaded, and save nothing later.
  const networks = lazyNetworks(onnx, models, { graphOptimizationLevel: "disabled" });
  // Even if it failed: the first call reports that.
  await networks.prepare(first).catch(() => undefined);
  delete env.wasm.wasmBinary; // it is compiled by then
  return { networks, kind: "wasm", name: `wasm ${env.versions.web}`, problem };
}

function loadNative({ models }: Wanted, file: string): Loaded {
  const onnx = asOnnxRuntime(createRequire(import.meta.url)(file));
  onnx.env.logLevel = "error"; // it writes to standard error on its own
  // Two threads give the same bytes for a quarter more processor time, no sooner: they spin while they wait.
  const networks = lazyNetworks(onnx, models, {
    executionProviders: ["cpu"],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  return { networks, kind: "native", name: `native ${onnx.env.versions.node}`, problem: null };
}

/** It is not our dependency, so a package of that name may be anything. */
function asOnnxRuntime(found: unknown): OnnxRuntime {
  const { InferenceSession, Tensor, env } = Object(found) as Partial<OnnxRuntime>; // any value has none of these
  if (typeof InferenceSession?.create === "function" && Tensor !== undefined && env !== undefined)
    return { InferenceSession, Tensor, env };
  throw new Error("it is not ONNX Runtime");
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
