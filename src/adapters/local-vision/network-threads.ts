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
/** What a network thread reports once to the one that started it: what it loaded, or why it could not. */
export type Begun =
  | {
      readonly kind: Runtime["kind"];
      /** `wasm 1.30.0`, `native 1.30.0`. */
      readonly name: string;
      /** Why it is not the native one, if that was tried. */
      readonly problem: string | null;
    }
  | { readonly refused: string };

/** A request to a network thread; it replies with an `Answer` before it gets the next one. */
export type Task = {
  [Kind in keyof Networks]: { readonly kind: Kind; readonly input: Parameters<Networks[Kind]>[0] };
}[keyof Networks];
/** `ready` is sent once, before any other answer. */
export type Answer =
  | { readonly ready: true }
  | { readonly result: unknown }
  | { readonly problem: string };

type Job = {
  readonly task: Task;
  /** Checked before it begins. */
  readonly isWanted: () => boolean;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
};
/**
 * The networks, for as long as the result is wanted: a task no longer wanted when its turn comes rejects without
 * being run.
 */
export type NetworksWhile = (isWanted: () => boolean) => Networks;

/**
 * Distributes the work to the threads behind the ports, first come, first served. Which thread does it makes no
 * difference to the result.
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
  // A thread answers with the network's result.
  return (isWanted) => ({
    detect: (input) => ask({ kind: "detect", input }, isWanted) as ReturnType<Networks["detect"]>,
    recognise: (input) =>
      ask({ kind: "recognise", input }, isWanted) as ReturnType<Networks["recognise"]>,
  });
}
