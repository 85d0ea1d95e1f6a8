import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { parentPort, workerData } from "node:worker_threads";
import { look, type Scene, sceneOf } from "../../pipeline/scene-text/looks.ts";
import type { Models } from "./models.ts";
import { loadNetworks } from "./networks.ts";
import { loadUpright, render } from "./picture.ts";
import type { Answer, Question } from "./thread.ts";

// The entry of the reading thread. Pictures are kept from `open` to `close`; a look stops at the next
// line when its picture was closed.

// So that the first picture is decoded while the networks are loaded.
await import("sharp");
// Node 20 compiles a WebAssembly function again, optimized, long before that pays; later ones wait as here.
setFlagsFromString("--wasm-tiering-budget=13000000");
const runtime = await import("onnxruntime-web/wasm");
// More threads would give the same answers sooner, for more memory and processor time.
runtime.env.wasm.numThreads = 1;
runtime.env.wasm.wasmBinary = readFileSync(new URL("ort-wasm-simd-threaded.wasm", import.meta.url));

// Given by `startThread`, which alone starts this file.
const networks = loadNetworks(runtime, workerData as Models).finally(() => {
  delete runtime.env.wasm.wasmBinary; // it is compiled by then
});
const pictures = new Map<number, Scene>();

async function work({ task, picture: id, argument }: Question): Promise<unknown> {
  if (task === "open") {
    const picture = await loadUpright(argument as Uint8Array);
    const goesOn = () => questionsFirst(id);
    pictures.set(id, sceneOf({ picture, eyes: { render, ...(await networks) }, goesOn }));
    return null;
  }
  if (task === "close") return pictures.delete(id);
  const scene = pictures.get(id);
  if (scene === undefined) throw new Error("the picture is not open");
  return look(argument as string, scene);
}

/** Lets other questions in; one of them may close the picture. */
async function questionsFirst(id: number): Promise<boolean> {
  await new Promise((resolve) => setImmediate(resolve));
  return pictures.has(id);
}

async function answerTo(question: Question): Promise<Answer> {
  const { number } = question;
  try {
    return { number, result: await work(question) };
  } catch (error) {
    return { number, problem: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on("message", async (question: Question) => {
  parentPort?.postMessage(await answerTo(question));
});
