import { createRequire } from "node:module";
import { TuError } from "../../pipeline/errors.ts";

/** `auto`: native if its package is installed and can be loaded. */
export type RuntimeChoice = "auto" | "wasm" | "native";
/**
 * `file` is the package's entry point. A runtime that is not required falls back to WebAssembly if it cannot be
 * loaded.
 */
export type Runtime =
  | { readonly kind: "wasm" }
  | { readonly kind: "native"; readonly file: string; readonly isRequired: boolean };

const install = "npm install --ignore-scripts onnxruntime-node@^1.21.0";

/** Looks for onnxruntime-node where packages next to tu-analyze are installed. Throws E_VISION_RUNTIME. */
export function findRuntime(choice: RuntimeChoice): Runtime {
  if (choice === "wasm") return { kind: "wasm" };
  const isRequired = choice === "native";
  try {
    const file = createRequire(import.meta.url).resolve("onnxruntime-node");
    return { kind: "native", file, isRequired };
  } catch (cause) {
    if (!isRequired) return { kind: "wasm" };
    throw new TuError("E_VISION_RUNTIME", "the package onnxruntime-node is not installed", {
      hint: `install it beside tu-analyze with \`${install}\`, or use --vision-runtime wasm`,
      cause,
    });
  }
}

/** For a package that is installed but unusable. */
export function unusableRuntime(file: string, why: string): TuError {
  return new TuError("E_VISION_RUNTIME", `${file} cannot be used: ${why}`, {
    hint: `install one for this system with \`${install}\`, or use --vision-runtime wasm`,
  });
}
