import type { MessagePort } from "node:worker_threads";
import type { ModelFiles } from "./models.ts";
import type { NativeCalls } from "./native-calls.ts";
import type { Networks } from "./networks.ts";
import type { Runtime } from "./runtime.ts";

export type NetworkThreadData = {
  readonly models: ModelFiles;
  readonly port: MessagePort;
  /** The network it loads immediately; the other is loaded on first use. */
  readonly first: keyof Networks;
  readonly runtime: Runtime;
  readonly calls: NativeCalls;
};
/** What a network thread says to the one that started it, once: what it loaded, or why it could not. */
export type Begun =
  | {
      readonly kind: Runtime["kind"];
      /** `wasm 1.30.0`, `native 1.30.0`. */
      readonly name: string;
      /** Why it is not the native one, where that was tried. */
      readonly problem: string | null;
    }
  | { readonly refused: string };

/** What a network thread is asked for; it answers with an `Answer`, before it is asked again. */
export type Task = {
  [Kind in keyof Networks]: { readonly kind: Kind; readonly input: Parameters<Networks[Kind]>[0] };
}[keyof Networks];
/** `ready` comes once, before there is anything to answer. */
export type Answer =
  | { readonly ready: true }
  | { readonly result: unknown }
  | { readonly problem: string };

type Job = {
  readonly task: Task;
  /** Asked before it begins. */
  readonly isWanted: () => boolean;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
};
/** The networks, for as long as it is wanted: what is not when its turn comes rejects, and is not begun. */
export type NetworksWhile = (isWanted: () => boolean) => Networks;

/**
 * Shares the work between the threads behind the ports, first come, first served. Who does it makes no
 * difference to what comes out.
 */
export function shareNetworks(threads: readonly MessagePort[]): NetworksWhile {
  const waiting: Job[] = [];
  const idle: MessagePort[] = [];
  const begun = new Map<MessagePort, Job>();
  const nextWanted = (): Job | undefined => {
    const job = waiting.shift();
    if (job === undefined || job.isWanted()) return job;
    job.reject(new Error("the picture was closed"));
    return nextWanted();
  };
  const goOn = (thread: MessagePort): void => {
    const job = nextWanted();
    if (job === undefined) idle.push(thread);
    else {
      begun.set(thread, job);
      thread.postMessage(job.task);
    }
  };
  for (const thread of threads) {
    thread.on("message", (answer: Answer) => {
      const job = begun.get(thread);
      begun.delete(thread);
      if ("problem" in answer) job?.reject(new Error(answer.problem));
      else if ("result" in answer) job?.resolve(answer.result);
      goOn(thread);
    });
  }
  const ask = (task: Task, isWanted: Job["isWanted"]): Promise<unknown> =>
    new Promise((resolve, reject) => {
      waiting.push({ task, isWanted, resolve, reject });
      const thread = idle.shift();
      if (thread !== undefined) goOn(thread);
    });
  // A thread answers with what the network gives.
  return (isWanted) => ({
    detect: (input) => ask({ kind: "detect", input }, isWanted) as ReturnType<Networks["detect"]>,
    recognise: (input) =>
      ask({ kind: "recognise", input }, isWanted) as ReturnType<Networks["recognise"]>,
  });
}
