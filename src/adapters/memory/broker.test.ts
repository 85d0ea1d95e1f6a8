import { describe, expect, test } from "vitest";
import { brokerContract } from "../testing/broker-contract.ts";
import { createCollector } from "../testing/collector.ts";
import { createMemoryBroker } from "./broker.ts";
import { createManualClock } from "./clock.ts";

const properties = {
  contentType: "application/json",
  correlationId: "f",
  type: "t",
  appId: "a",
  messageId: "m",
  timestamp: 0,
} as const;

describe("memory broker", () => {
  brokerContract(async () => {
    const broker = createMemoryBroker({ onError: () => {} });
    return {
      broker,
      another: async () => broker.connect(),
      lose: async () => broker.lose(),
      restore: async () => broker.restore(),
      block: async () => broker.block(),
      unblock: async () => broker.unblock(),
      close: () => broker.close(),
    };
  });

  const publish = (broker: ReturnType<typeof createMemoryBroker>, queue: string) =>
    broker.publish({
      exchange: "",
      routingKey: queue,
      headers: {},
      properties,
      body: Uint8Array.of(1),
    });

  test("the exchange without a name leads to the queue that the key names", async () => {
    const broker = createMemoryBroker();
    await broker.declare({ exchanges: [], queues: [{ name: "q" }], bindings: [] });
    expect(await publish(broker, "q")).toEqual({ routed: true });
    expect(await publish(broker, "other")).toEqual({ routed: false });
  });

  test("a handler that rejects is reported, and its message is delayed", async () => {
    const clock = createManualClock(0);
    const failures = createCollector<string>();
    const broker = createMemoryBroker({ clock, onError: (_, where) => failures.add(where) });
    await broker.declare({ exchanges: [], queues: [{ name: "q" }], bindings: [] });
    let calls = 0;
    await broker.consume({ queue: "q", prefetch: 1 }, async (delivery) => {
      calls += 1;
      if (calls === 1) throw new Error("broke");
      await delivery.ack();
    });
    await publish(broker, "q");
    expect(await failures.atLeast(1)).toEqual(["consumer of q"]);
    await clock.advance(99);
    expect(calls).toBe(1);
    await clock.advance(1);
    expect(calls).toBe(2);
  });

  test("a binding to what was not declared is refused", async () => {
    const broker = createMemoryBroker();
    const bindings = [{ exchange: "x", queue: "q", routingKey: "" }];
    const declared = broker.declare({ exchanges: [], queues: [{ name: "q" }], bindings });
    await expect(declared).rejects.toMatchObject({ code: "E_UNROUTABLE" });
  });
});
