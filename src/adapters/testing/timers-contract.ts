import { expect, test } from "vitest";
import type { Timer } from "../../pipeline/message.ts";
import type { Timers } from "../../pipeline/ports/timers.ts";
import { createGate } from "./collector.ts";
import { sampleMessage } from "./samples.ts";

/** Timers on a clock that the test advances. */
type Opened = {
  readonly timers: Timers;
  readonly nowMs: () => number;
  readonly advance: (ms: number) => Promise<void>;
  readonly close: () => void;
};

/** Every Timers adapter must pass this suite; `open` passes an `onError`, because one handler rejects. */
export function timersContract(open: () => Opened): void {
  const scenario = (name: string, run: (world: ReturnType<typeof createWorld>) => Promise<void>) =>
    test(name, async () => {
      const opened = open();
      try {
        await run(createWorld(opened));
      } finally {
        opened.close();
      }
    });

  scenario("a timer comes when it is due and not before", async ({ after, fired, advance }) => {
    after(1000, "a");
    await advance(999);
    expect(fired).toEqual([]);
    await advance(1);
    expect(fired).toEqual(["a"]);
    await advance(5000);
    expect(fired).toEqual(["a"]);
  });

  scenario("timers come in the order of their times, then of their scheduling", async (world) => {
    for (const [ms, id] of [
      [30, "d"],
      [10, "a"],
      [20, "b"],
      [20, "c"],
    ] as const)
      world.after(ms, id);
    await world.advance(30);
    expect(world.fired).toEqual(["a", "b", "c", "d"]);
  });

  scenario("one that is overdue comes at once", async ({ after, fired, advance }) => {
    after(-5000, "late");
    await advance(0);
    expect(fired).toEqual(["late"]);
  });

  scenario("cancelling a flow forgets its timers and no others", async (world) => {
    world.after(10, "a1", "flow-a");
    world.after(10, "b1", "flow-b");
    world.after(20, "a2", "flow-a");
    world.timers.cancelFlow("flow-a");
    world.timers.cancelFlow("never seen");
    await world.advance(20);
    expect(world.fired).toEqual(["b1"]);
  });

  scenario("scheduling a timer again does not make it come twice", async (world) => {
    world.after(10, "a");
    world.after(10, "a");
    await world.advance(10);
    expect(world.fired).toEqual(["a"]);
  });

  scenario("a due timer waits for a consumer of its owner", async (world) => {
    world.after(10, "x", "flow-a", "other");
    await world.advance(10);
    const late: string[] = [];
    world.timers.consume("other", async ({ message }) => void late.push(message.id));
    await world.advance(0);
    expect([late, world.fired]).toEqual([["x"], []]);
  });

  scenario("cancelling also forgets what waits for a consumer", async (world) => {
    world.after(10, "x", "flow-a", "other");
    await world.advance(10);
    world.timers.cancelFlow("flow-a");
    const late: string[] = [];
    world.timers.consume("other", async ({ message }) => void late.push(message.id));
    await world.advance(1000);
    expect(late).toEqual([]);
  });

  scenario("a timer whose handler rejects comes again", async (world) => {
    let calls = 0;
    world.timers.consume("other", async () => {
      calls += 1;
      if (calls === 1) throw new Error("the handler broke");
    });
    world.after(10, "x", "flow-a", "other");
    await world.advance(60_000);
    expect(calls).toBe(2);
  });

  scenario("a handler may schedule and cancel", async (world) => {
    const seen: string[] = [];
    world.timers.consume("other", async ({ message }) => {
      seen.push(message.id);
      if (message.id === "first") world.after(5, "second", "flow-a", "other");
      else world.timers.cancelFlow("flow-a");
    });
    world.after(10, "first", "flow-a", "other");
    world.after(20, "third", "flow-a", "other");
    await world.advance(100);
    expect(seen).toEqual(["first", "second"]);
  });

  scenario("closing waits for the handlers under way; later timers are kept", async (world) => {
    const gate = createGate();
    const seen: string[] = [];
    const subscription = world.timers.consume("other", async ({ message }) => {
      await gate.opened;
      seen.push(message.id);
    });
    world.after(10, "a", "flow-a", "other");
    await world.advance(10);
    const closing = subscription.close();
    world.after(10, "b", "flow-a", "other");
    await world.advance(10);
    gate.open();
    await closing;
    expect(seen).toEqual(["a"]);
    world.timers.consume("other", async ({ message }) => void seen.push(message.id));
    await world.advance(0);
    expect(seen).toEqual(["a", "b"]);
  });
}

function createWorld({ timers, nowMs, advance }: Opened) {
  const fired: string[] = [];
  timers.consume("owner", async ({ message }) => void fired.push(message.id));
  const after = (ms: number, id: string, flowId = "flow", owner = "owner") => {
    const timer: Timer = {
      message: sampleMessage({ id, flowId, kind: "timer" }),
      dueAtMs: nowMs() + ms,
      owner,
    };
    timers.schedule(timer);
  };
  return { timers, advance, after, fired };
}
