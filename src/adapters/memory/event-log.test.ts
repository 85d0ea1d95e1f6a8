import { describe, expect, test } from "vitest";
import type { LogDelivery } from "../../pipeline/ports/event-log.ts";
import { type Collector, createCollector } from "../testing/collector.ts";
import { eventLogContract } from "../testing/event-log-contract.ts";
import { logReadingContract } from "../testing/log-reading-contract.ts";
import { createManualClock } from "./clock.ts";
import { createMemoryEventLog } from "./event-log.ts";

describe("memory event log", () => {
  const open = async () => {
    const log = createMemoryEventLog({ onError: () => {} });
    return {
      log,
      lose: async () => log.lose(),
      restore: async () => log.restore(),
      compact: async (topic: string) => log.compact(topic),
      close: () => log.close(),
    };
  };
  eventLogContract(open);
  logReadingContract(open);

  const append = (log: ReturnType<typeof createMemoryEventLog>, body: string, key = "k") =>
    log.append({ topic: "t", key: Buffer.from(key), headers: [], body: Buffer.from(body) });
  const bodies = (deliveries: readonly LogDelivery[]) =>
    deliveries.map(({ body }) => Buffer.from(body ?? []).toString());
  const collectAndCommit =
    (collector: Collector<LogDelivery>) =>
    (delivery: LogDelivery): Promise<void> => {
      collector.add(delivery);
      return delivery.commit();
    };

  test("a rejected handler is reported with its group and partition", async () => {
    const clock = createManualClock(0);
    const failures = createCollector<string>();
    const log = createMemoryEventLog({
      clock,
      onError: (error, where) => failures.add(`${where}: ${(error as Error).message}`), // the handler below throws Errors
    });
    await log.createTopic({ name: "t", partitions: 1 });
    let calls = 0;
    const subscription = await log.subscribe(
      { group: "g", topics: ["t"], from: "earliest", window: 10 },
      async (delivery) => {
        calls += 1;
        if (calls === 1) throw new Error("broke");
        await delivery.commit();
      },
    );
    await append(log, "a");
    expect(await failures.atLeast(1)).toEqual(["g of t[0]: broke"]);
    await clock.advance(99);
    expect(calls).toBe(1);
    await clock.advance(1);
    expect(calls).toBe(2);
    await subscription.close();
  });

  test("two members split the partitions", async () => {
    const log = createMemoryEventLog();
    await log.createTopic({ name: "t", partitions: 4 });
    const partitions = [new Set<number>(), new Set<number>()];
    const all = createCollector<LogDelivery>();
    const options = { group: "g", topics: ["t"], from: "earliest", window: 10 } as const;
    for (const own of partitions)
      await log.subscribe(options, async (delivery) => {
        own.add(delivery.partition);
        all.add(delivery);
        await delivery.commit();
      });
    for (let index = 0; index < 64; index += 1) await append(log, "x", `key-${index}`);
    await all.atLeast(64);
    expect(partitions.map((own) => own.size)).toEqual([2, 2]);
    expect(new Set(partitions.flatMap((own) => [...own])).size).toBe(4);
  });

  test("what every group has committed is gone, and what one needs stays", async () => {
    const log = createMemoryEventLog();
    await log.createTopic({ name: "t", partitions: 1 });
    const [fast, slow] = [createCollector<LogDelivery>(), createCollector<LogDelivery>()];
    const options = { topics: ["t"], from: "earliest", window: 10 } as const;
    await log.subscribe({ ...options, group: "fast" }, collectAndCommit(fast));
    await log.subscribe({ ...options, group: "slow" }, async (one) => slow.add(one));
    for (const body of ["a", "b", "c"]) await append(log, body, body);
    await fast.atLeast(3);
    await (await slow.atLeast(3))[0]?.commit();
    const late = createCollector<LogDelivery>();
    await log.subscribe({ ...options, group: "late" }, collectAndCommit(late));
    expect(bodies(await late.atLeast(2))).toEqual(["b", "c"]);
  });

  test("without a reader a partition keeps the last records only", async () => {
    const log = createMemoryEventLog({ retainRecords: 2 });
    await log.createTopic({ name: "t", partitions: 1 });
    for (const body of ["a", "b", "c"]) await append(log, body);
    const seen = createCollector<LogDelivery>();
    await log.subscribe(
      { group: "g", topics: ["t"], from: "earliest", window: 10 },
      collectAndCommit(seen),
    );
    expect(bodies(await seen.atLeast(2))).toEqual(["b", "c"]);
  });

  test("idling is not stalling: progress counts from when there is something to do", async () => {
    const clock = createManualClock(1000);
    const log = createMemoryEventLog({ clock });
    await log.createTopic({ name: "t", partitions: 1 });
    const seen = createCollector<LogDelivery>();
    const options = { group: "g", topics: ["t"], from: "earliest", window: 10 } as const;
    const subscription = await log.subscribe(options, async (one) => seen.add(one));
    const state = () =>
      subscription.status().partitions.map(({ lag, lastProgressAtMs }) => [lag, lastProgressAtMs]);
    expect(state()).toEqual([[0, 1000]]);
    await clock.advance(500);
    await append(log, "a", "a");
    await append(log, "b", "b");
    expect(state()).toEqual([[2, 1500]]);
    await clock.advance(500);
    expect(state()).toEqual([[2, 1500]]);
    await (await seen.atLeast(2))[1]?.commit();
    expect(state()).toEqual([[2, 2000]]);
    await log.close();
  });
});
