import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { look, type Scene, sceneOf } from "../../pipeline/scene-text/looks.ts";
import { shareNetworks } from "./network-threads.ts";
import { loadUpright, render } from "./picture.ts";
import type { Answer, Question } from "./threads.ts";

// The entry of the reading thread. It decodes the pictures, finds the lines in what the networks see, and
// leaves the networks to threads of their own. Pictures are kept from `open` to `close`.

// Given by `startThreads`, which alone starts this file.
const networksWhile = shareNetworks(workerData as MessagePort[]);
const pictures = new Map<number, Scene>();

async function work({ task, picture: id, argument }: Question): Promise<unknown> {
  if (task === "open") {
    const picture = await loadUpright(argument as Uint8Array);
    const networks = { render, ...networksWhile(() => pictures.has(id)) };
    pictures.set(id, sceneOf({ picture, networks }));
    return null;
  }
  if (task === "close") return pictures.delete(id);
  const scene = pictures.get(id);
  if (scene === undefined) throw new Error("the picture is not open");
  return look(argument as string, scene);
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
