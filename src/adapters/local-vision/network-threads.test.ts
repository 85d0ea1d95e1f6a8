import { MessageChannel, type MessagePort } from "node:worker_threads";
import { afterEach, expect, test } from "vitest";
import { type Answer, shareNetworks, type Task } from "./network-threads.ts";

const ends: MessagePort[] = [];
afterEach(() => {
  for (const end of ends.splice(0)) end.close();
});

/** A thread whose answers the test supplies; `next` waits for a task. */
function thread() {
  const { port1, port2 } = new MessageChannel();
  ends.push(port1, port2);
  const tasks: Task[] = [];
  let wake: (() => void) | undefined;
  port2.on("message", (task: Task) => {
    tasks.push(task);
    wake?.();
  });
  return {
    port: port1,
    answer: (answer: Answer) => port2.postMessage(answer),
    async next(): Promise<number> {
      while (tasks.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      const task = tasks.shift();
      return task?.kind === "recognise" ? task.input.width : -1;
    },
    hasTask: () => tasks.length > 0,
  };
}
const strip = (width: number) => ({ width, filled: width, data: new Float32Array(0) });
const sign = (text: string) => [{ text, probability: 1, at: 0 }];
/** Until messages sent earlier have arrived. */
const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

test("a thread gets nothing before it is ready, and one task at a time", async () => {
  const one = thread();
  const { recognise } = shareNetworks([one.port])(() => true);
  const [first, second] = [recognise(strip(1)), recognise(strip(2))];
  await settled();
  expect(one.hasTask()).toBe(false);
  one.answer({ ready: true });
  expect(await one.next()).toBe(1);
  await settled();
  expect(one.hasTask()).toBe(false);
  one.answer({ result: sign("A") });
  expect(await first).toEqual(sign("A"));
  expect(await one.next()).toBe(2);
  one.answer({ result: sign("B") });
  expect(await second).toEqual(sign("B"));
});

test("who is ready first begins, and each asks again when it is done", async () => {
  const [one, two] = [thread(), thread()];
  const { recognise } = shareNetworks([one.port, two.port])(() => true);
  const read = [1, 2, 3].map((width) => recognise(strip(width)));
  two.answer({ ready: true });
  expect(await two.next()).toBe(1);
  one.answer({ ready: true });
  expect(await one.next()).toBe(2);
  one.answer({ result: sign("second") });
  expect(await one.next()).toBe(3);
  one.answer({ result: sign("third") });
  two.answer({ result: sign("first") });
  expect(await Promise.all(read)).toEqual(["first", "second", "third"].map(sign));
});

test("what went wrong rejects what was asked, and the next one is begun", async () => {
  const one = thread();
  const { recognise } = shareNetworks([one.port])(() => true);
  one.answer({ ready: true });
  const outcome = expect(recognise(strip(1))).rejects.toThrow("out of memory");
  const second = recognise(strip(2));
  await one.next();
  one.answer({ problem: "out of memory" });
  await outcome;
  expect(await one.next()).toBe(2);
  one.answer({ result: sign("B") });
  expect(await second).toEqual(sign("B"));
});

test("a task that is no longer wanted is not begun", async () => {
  const one = thread();
  const networksWhile = shareNetworks([one.port]);
  let isWanted = true;
  const first = networksWhile(() => isWanted).recognise(strip(1));
  const outcome = expect(networksWhile(() => isWanted).recognise(strip(2))).rejects.toThrow(
    "the picture was closed",
  );
  const other = networksWhile(() => true).recognise(strip(3));
  one.answer({ ready: true });
  await one.next();
  isWanted = false;
  one.answer({ result: sign("A") });
  expect(await first).toEqual(sign("A"));
  await outcome;
  expect(await one.next()).toBe(3);
  one.answer({ result: sign("C") });
  expect(await other).toEqual(sign("C"));
});
