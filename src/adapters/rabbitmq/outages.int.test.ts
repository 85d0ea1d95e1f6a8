import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createGate } from "../testing/collector.ts";
import { openWire } from "../testing/wire.ts";
import { openBroker, patience, text, unique } from "./testing/opened.ts";
import { closeConnections, manage, openVhost, rabbit } from "./testing/server.ts";

const unavailable = { code: "E_SERVICE_UNAVAILABLE" };

describe.skipIf(!rabbit.isThere)("RabbitMQ in trouble", () => {
  let vhost: Awaited<ReturnType<typeof openVhost>>;
  beforeAll(async () => {
    vhost = await openVhost();
  });
  afterAll(() => vhost.remove());

  const openDirect = () => openBroker({ vhost: vhost.name });
  async function openOverWire(options: { heartbeatSeconds: number; answerTimeoutMs?: number }) {
    const wire = await openWire(`${rabbit.address.host}:${rabbit.address.port}`);
    const place = { vhost: vhost.name, host: "127.0.0.1", port: wire.port };
    return { ...(await openBroker({ ...place, ...options })), wire };
  }

  test("a half-open connection is noticed, and everything on it replaced", async () => {
    const opened = await openOverWire({ heartbeatSeconds: 1 });
    const { broker, publish, queue, reached, read, wire } = opened;
    const name = await queue({ exclusive: true });
    const { seen } = await read(name, async (delivery) => {
      if (text(delivery) !== "held") await delivery.ack();
    });
    await publish(name, "held");
    const [held] = await seen.atLeast(1);
    wire.fallSilent();
    await expect(publish(name, "meanwhile")).rejects.toMatchObject(unavailable);
    await reached("lost");
    await expect(held?.ack()).rejects.toMatchObject(unavailable);
    wire.speak();
    await reached("lost", "back");
    await publish(name, "after");
    await seen.atLeast(2);
    expect(seen.items.map(text)).toEqual(["held", "after"]);
    await broker.close();
    wire.close();
  });

  test("any number of operations wait at a time, and all are rejected", async () => {
    const { broker, queue, reached, wire } = await openOverWire({ heartbeatSeconds: 1 });
    const warnings: Error[] = [];
    const onWarning = (warning: Error) => void warnings.push(warning);
    process.on("warning", onWarning);
    wire.fallSilent();
    const asked = await Promise.allSettled(Array.from({ length: 30 }, () => queue()));
    expect(asked.map(({ status }) => status)).toEqual(Array(30).fill("rejected"));
    wire.speak();
    await reached("lost", "back");
    process.off("warning", onWarning);
    expect(warnings).toEqual([]);
    await broker.close();
    wire.close();
  });

  test("an operation without an answer has lost its connection", async () => {
    const opened = await openOverWire({ heartbeatSeconds: 60, answerTimeoutMs: 300 });
    const { broker, queue, reached, wire } = opened;
    wire.fallSilent();
    await expect(queue()).rejects.toMatchObject(unavailable);
    await reached("lost");
    wire.speak();
    await reached("lost", "back");
    await queue();
    await broker.close();
    wire.close();
  });

  test("a handler that takes longer than every heartbeat keeps its delivery", async () => {
    const { broker, publish, queue, read, states, wire } = await openOverWire({
      heartbeatSeconds: 1,
    });
    const name = await queue();
    const done = createGate();
    await read(name, async (delivery) => {
      await new Promise((resolve) => setTimeout(resolve, 4000));
      await delivery.ack();
      done.open();
    });
    await publish(name, "slow");
    await done.opened;
    expect(states).toEqual([]);
    await broker.close();
    wire.close();
  });

  test.skipIf(!rabbit.isOurs)(
    "a channel that the broker closes is replaced, and what it had comes again",
    async () => {
      await rabbit.setConsumerTimeout(1000);
      const { broker, errors, publish, queue, read, states } = await openDirect();
      const name = await queue();
      const { close, seen } = await read(name, async (delivery) => {
        if (delivery.redelivered) await delivery.ack();
      });
      await publish(name, "a");
      const [first] = await seen.atLeast(1);
      const [, again] = await seen.atLeast(2);
      await rabbit.setConsumerTimeout(1_800_000);
      expect(again?.redelivered).toBe(true);
      await expect(first?.ack()).rejects.toMatchObject(unavailable);
      await expect(first?.nack({ requeue: true })).rejects.toMatchObject(unavailable);
      expect(errors).toHaveLength(1);
      expect(states).toEqual([]);
      await close();
      await broker.close();
    },
  );

  test("a consumer whose queue is deleted says so, and consumes when it is there again", async () => {
    const { broker, errors, publish, read, states } = await openDirect();
    const name = unique("deleted");
    const declared = { exchanges: [], queues: [{ name }], bindings: [] };
    await broker.declare(declared);
    const { seen } = await read(name);
    await manage("DELETE", `queues/${vhost.path}/${name}`);
    await expect.poll(() => errors.length, patience).toBe(1);
    expect(errors[0]).toMatchObject({ message: expect.stringContaining(name) });
    expect(await publish(name, "lost")).toEqual({ routed: false });
    await broker.declare(declared);
    await publish(name, "a");
    expect((await seen.atLeast(1)).map(text)).toEqual(["a"]);
    expect([errors.length, states]).toEqual([1, []]);
    await broker.close();
  });

  test("one queue that is missing after an outage does not keep the others away", async () => {
    const { broker, errors, publish, queue, reached, read, wire } = await openOverWire({
      heartbeatSeconds: 5,
    });
    const [gone, there] = [await queue(), await queue()];
    const [lost, kept] = [await read(gone), await read(there)];
    wire.cut();
    await reached("lost");
    await manage("DELETE", `queues/${vhost.path}/${gone}`);
    wire.mend();
    await reached("lost", "back");
    await publish(there, "a");
    await kept.seen.atLeast(1);
    expect(errors).toMatchObject([{ code: "E_UNROUTABLE" }]);
    await broker.declare({ exchanges: [], queues: [{ name: gone }], bindings: [] });
    await publish(gone, "b");
    await lost.seen.atLeast(1);
    await broker.close();
    wire.close();
  });

  test("what is delivered before the connection is told to be back waits for that", async () => {
    const { broker, publish, queue, reached, read, states, wire } = await openOverWire({
      heartbeatSeconds: 5,
    });
    const name = await queue();
    const handled: string[] = [];
    await read(name, async () => void handled.push(states.join()));
    await publish(name, "a");
    await expect.poll(() => handled, patience).toEqual([""]);
    wire.cut();
    await reached("lost");
    wire.mend();
    await expect.poll(() => handled, patience).toEqual(["", "lost,back"]);
    await broker.close();
    wire.close();
  });

  test.skipIf(!rabbit.isOurs)("a broker that closes its connections is reconnected", async () => {
    const { broker, publish, queue, reached } = await openDirect();
    const name = await queue();
    await closeConnections();
    await reached("lost", "back");
    expect(await publish(name, "a")).toEqual({ routed: true });
    await broker.close();
  });

  /** In a process of its own, which has to end. */
  async function closedInTime(port: number, disturb: () => Promise<void>): Promise<void> {
    const path = fileURLToPath(new URL("./testing/closing-child.ts", import.meta.url));
    const { password, user } = rabbit.address;
    const given = [String(port), user, password, vhost.name];
    const child = fork(path, given, { execArgv: ["--import", "tsx"] });
    expect(await once(child, "message")).toEqual(["read", undefined]);
    await disturb();
    const [closed, exited] = [once(child, "message"), once(child, "exit")];
    const closedAtMs = Date.now();
    child.send("close");
    expect(await closed).toEqual(["closed", undefined]);
    expect(await exited).toEqual([0, null]);
    expect(Date.now() - closedAtMs).toBeLessThan(10_000); // the deadline of a shutdown
  }

  test("a process that closes a connection that is fine ends", async () => {
    await closedInTime(rabbit.address.port, async () => undefined);
  });

  test("a process that closes a half-open connection ends", async () => {
    const wire = await openWire(`${rabbit.address.host}:${rabbit.address.port}`);
    await closedInTime(wire.port, async () => wire.fallSilent());
    wire.close();
  });

  test.skipIf(!rabbit.isOurs)(
    "a broker is stopped and comes back: who stays is reconnected, who closes meanwhile ends",
    async () => {
      const { broker, publish, queue, reached, read } = await openDirect();
      const name = await queue({ arguments: { "x-queue-type": "quorum" } });
      const { seen } = await read(name);
      expect(await publish(name, "before")).toEqual({ routed: true });
      await closedInTime(rabbit.address.port, rabbit.stop);
      await reached("lost");
      await expect(publish(name, "meanwhile")).rejects.toMatchObject(unavailable);
      await rabbit.start();
      await reached("lost", "back");
      expect(await publish(name, "after")).toEqual({ routed: true });
      await expect.poll(() => seen.items.map(text), patience).toContain("after");
      await broker.close();
    },
  );

  test.skipIf(!rabbit.isOurs)(
    "a broker is killed and comes back: every message arrives",
    async () => {
      const { broker, publish, queue, reached, read } = await openDirect();
      const transient = unique("transient");
      const queues = [{ name: transient, durable: false }];
      await broker.declare({ exchanges: [], queues, bindings: [] });
      const durable = await queue();
      const [durableReader, transientReader] = [await read(durable), await read(transient)];
      const taken = new Set<string>();
      const publishUntilTaken = async (body: string) => {
        while (!taken.has(body))
          await publish(durable, body).then(
            () => taken.add(body),
            () => new Promise((resolve) => setTimeout(resolve, 100)), // not taken, or not known to be
          );
      };
      for (let index = 0; index < 50; index += 1) await publishUntilTaken(`before ${index}`);
      await rabbit.kill();
      await reached("lost");
      const published = Promise.all(["x", "y", "z"].map(publishUntilTaken));
      await rabbit.start();
      await published;
      await reached("lost", "back");
      const received = () => new Set(durableReader.seen.items.map(text));
      await expect.poll(received, patience).toEqual(taken);
      expect(await publish(transient, "a")).toEqual({ routed: true });
      expect((await transientReader.seen.atLeast(1)).map(text)).toEqual(["a"]);
      await broker.close();
    },
  );
});
