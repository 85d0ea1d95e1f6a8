import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Owed } from "../../pipeline/ports/journal.ts";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { openSqliteState } from "./state.ts";
import { childEntry, childOwedTo, stepsPerFlow } from "./testing/journal-child.ts";

const clock = { nowMs: () => Date.now(), sleep: () => Promise.reject(new Error("unused")) };

const inDirectory = (name: string, run: (file: string) => Promise<void>) =>
  test(name, async () => {
    const { directory, remove } = await createTemporaryDirectory();
    try {
      await run(`${directory}/state.db`);
    } finally {
      await remove();
    }
  });

function start(mode: "flows" | "compete", file: string, name: string): ChildProcess {
  const path = fileURLToPath(new URL("./testing/journal-child.ts", import.meta.url));
  return fork(path, [mode, file, name], { execArgv: ["--import", "tsx"] });
}

/** Kills the child after `count` reports; returns all of them. */
async function killAfter(child: ChildProcess, count: number): Promise<readonly string[]> {
  const said: string[] = [];
  child.on("message", (word) => {
    said.push(String(word));
    if (said.length === count) child.kill("SIGKILL");
  });
  const [, signal] = await once(child, "exit");
  expect(signal).toBe("SIGKILL");
  return said;
}

inDirectory("after a kill nothing recorded is lost and nothing is left undone", async (file) => {
  const recorded: string[] = [];
  // Not random: a number that fails must fail again.
  for (const [run, count] of [1, 37, 143].entries())
    recorded.push(...(await killAfter(start("flows", file, `run${run}`), count)));

  const state = await openSqliteState(file, { clock, runnerId: "after", owedTo: childOwedTo });
  try {
    const stepsOf = new Map<string, number>();
    for (const id of recorded) {
      const flowId = id.slice(0, id.lastIndexOf("/"));
      const history = await state.journal.history(flowId);
      expect(history.map(({ message }) => message.id)).toContain(id);
      expect(history).toEqual(
        history.map(({ flow }, step) => {
          const entry = childEntry(flowId, step);
          // Of a flow only the last state is kept.
          const isLast = step === history.length - 1;
          return isLast || flow === null ? entry : { ...entry, flow: { ...flow, state: null } };
        }),
      );
      stepsOf.set(flowId, history.length);
    }
    const found = new Set((await state.journal.adopt(10_000)).map(nameOf));
    for (const [flowId, steps] of stepsOf) {
      const isOpen = steps < stepsPerFlow;
      expect([flowId, found.delete(`message ${flowId}/${steps}`)]).toEqual([flowId, isOpen]);
      expect([flowId, found.delete(`timer ${flowId}/timer`)]).toEqual([flowId, isOpen]);
    }
    // The remaining flows are those of which the child recorded more than it could report.
    for (const left of found) {
      const flowId = left.slice(left.indexOf(" ") + 1, left.lastIndexOf("/"));
      const { length } = await state.journal.history(flowId);
      expect([`message ${flowId}/${length}`, `timer ${flowId}/timer`]).toContain(left);
      expect(length).toBeLessThan(stepsPerFlow);
    }
  } finally {
    await state.close();
  }
});

const nameOf = (one: Owed): string =>
  one.type === "message" ? `message ${one.message.id}` : `timer ${one.timer.message.id}`;

inDirectory("processes that open one new file and write one flow agree on it", async (file) => {
  const names = ["one", "two", "three"];
  const exits = names.map((name) => once(start("compete", file, name), "exit"));
  for (const exit of exits) expect((await exit)[0]).toBe(0);
  const state = await openSqliteState(file, { clock, runnerId: "after" });
  try {
    const history = await state.journal.history("shared");
    expect(history.map(({ flow }) => flow?.sequence)).toEqual(
      Array.from({ length: 120 }, (_, index) => index + 1),
    );
    expect(new Set(history.map(({ message }) => message.id)).size).toBe(120);
  } finally {
    await state.close();
  }
});
