import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AmqpTable } from "../../pipeline/ports/broker.ts";
import { openWire } from "../testing/wire.ts";
import { openBroker, patience, text, unique } from "./testing/opened.ts";
import { manage, openVhost, rabbit } from "./testing/server.ts";

type Opened = Awaited<ReturnType<typeof openBroker>>;

describe.skipIf(!rabbit.isThere)("messages over RabbitMQ", () => {
  let vhost: Awaited<ReturnType<typeof openVhost>>;
  let opened: Opened;
  beforeAll(async () => {
    vhost = await openVhost();
    opened = await openBroker({ vhost: vhost.name });
  });
  afterAll(async () => {
    await opened.broker.close();
    await vhost.remove();
  });

  const bodies = (count: number) => Array.from({ length: count }, (_, index) => `m${index}`);

  test("thousands published without waiting are all confirmed, and keep their order", async () => {
    const { publish, queue, read } = opened;
    const name = await queue();
    const wanted = bodies(5000);
    const answers = await Promise.all(wanted.map((body) => publish(name, body)));
    expect(answers.every(({ routed }) => routed)).toBe(true);
    const { close, seen } = await read(name);
    expect((await seen.atLeast(wanted.length)).map(text)).toEqual(wanted);
    await close();
  });

  test("each publication hears whether it reached a queue, many at a time", async () => {
    const { publish, queue } = opened;
    const name = await queue();
    const kinds = bodies(600).map((body, index) => ({ body, routed: index % 3 !== 0 }));
    const sent = kinds.map(({ body, routed }) => publish(routed ? name : "nobody", body));
    expect((await Promise.all(sent)).map(({ routed }) => routed)).toEqual(
      kinds.map(({ routed }) => routed),
    );
  });

  const refusals = [
    { what: "an exchange that does not exist", code: "E_UNROUTABLE" },
    { what: "an exchange for RabbitMQ's own use", code: "E_ACCESS_REFUSED" },
  ];
  for (const { code, what } of refusals)
    test(`publications to ${what} are refused alone, and the others keep their order`, async () => {
      const { publish, queue, read, states } = opened;
      const name = await queue();
      const exchange = unique("internal");
      const definition = { type: "fanout", durable: true, internal: true };
      if (code === "E_ACCESS_REFUSED")
        await manage("PUT", `exchanges/${vhost.path}/${exchange}`, definition);
      const wanted = bodies(300);
      const sent = wanted.map((body, index) =>
        publish(name, body, index === 100 || index === 200 ? { exchange } : {}),
      );
      const ends = await Promise.allSettled(sent);
      const refused = ends.flatMap((end, index) => (end.status === "rejected" ? [index] : []));
      expect(refused).toEqual([100, 200]);
      for (const index of refused) expect(ends[index]).toMatchObject({ reason: { code } });
      expect(await publish(name, "last")).toEqual({ routed: true });
      const { close, seen } = await read(name);
      await expect.poll(() => seen.items.map(text), patience).toContain("last");
      const firsts = [...new Set(seen.items.map(text))];
      const good = wanted.filter((_, index) => index !== 100 && index !== 200);
      expect(firsts).toEqual([...good, "last"]);
      expect(states).toEqual([]);
      await close();
    });

  test.skipIf(!rabbit.isOurs)("a message that is too large is refused alone", async () => {
    await rabbit.setLargestMessage(100_000);
    const limited = await openBroker({ vhost: vhost.name });
    const name = await limited.queue();
    const sizes = [10, 99_000, 101_000, 20, 5_000_000, 30];
    const ends = await Promise.allSettled(
      sizes.map((size) => limited.publish(name, "x".repeat(size))),
    );
    await rabbit.setLargestMessage();
    const codes = ends.map((end) => (end.status === "rejected" ? end.reason.code : "taken"));
    const invalid = "E_MESSAGE_INVALID";
    expect(codes).toEqual(["taken", "taken", invalid, "taken", invalid, "taken"]);
    const { seen } = await limited.read(name);
    await expect
      .poll(() => new Set(seen.items.map(({ body }) => body.length)), patience)
      .toEqual(new Set([10, 99_000, 20, 30]));
    expect(limited.states).toEqual([]);
    await limited.broker.close();
  });

  test("what cannot be encoded is refused alone", async () => {
    const { publish, queue } = opened;
    const name = await queue();
    const headers = { large: "x".repeat(100_000) };
    const [before, large, long, broken, after] = await Promise.allSettled([
      publish(name, "before"),
      publish(name, "large", { headers }),
      publish("k".repeat(300), "long"),
      publish(name, "broken", { headers: { list: { list: [Number.NaN] } } }),
      publish(name, "after"),
    ]);
    expect(before).toMatchObject({ value: { routed: true } });
    for (const refused of [large, long, broken])
      expect(refused).toMatchObject({ reason: { code: "E_MESSAGE_INVALID" } });
    expect(after).toMatchObject({ value: { routed: true } });
  });

  test("values keep their types on the wire, whatever their size", async () => {
    const { publish, queue, read } = opened;
    const name = await queue();
    const headers: AmqpTable = {
      ...{ zero: 0, minus: -1, byte: 127, short: -32_768, int: 2 ** 31 - 1, uint: 2 ** 32 },
      ...{ safe: Number.MAX_SAFE_INTEGER, unsafe: 2 ** 60, huge: 1e300, minusHuge: -1e300 },
      ...{ half: 0.5, minusZero: -0, tiny: 5e-324 },
      table: { table: { "!": "no type", value: { list: [{ timestamp: 0 }, null, false] } } },
      ...{ emptyList: { list: [] }, emptyTable: { table: {} }, "": "no name", ünï: "\u0000" },
      price: { decimal: { places: 0, digits: 0 } },
    };
    await publish(name, "a", { headers });
    const { close, seen } = await read(name);
    expect((await seen.atLeast(1))[0]?.headers).toEqual(headers);
    await close();
  });

  test("body, headers and key may be reused as soon as publish was called", async () => {
    const { broker, publish, queue, read } = opened;
    const name = await queue();
    const body = Buffer.alloc(300_000, 1);
    const bytes = Uint8Array.of(1, 2);
    const given = { exchange: "", routingKey: name, headers: { bytes }, properties: {} };
    const others = bodies(2000).map((one) => publish("nobody", one)); // it has to wait for room
    const published = broker.publish({ ...given, body });
    body.fill(7);
    bytes.fill(7);
    await Promise.all([...others, published]);
    const { close, seen } = await read(name);
    const [got] = await seen.atLeast(1);
    expect(Buffer.alloc(300_000, 1).equals(got?.body ?? Buffer.alloc(0))).toBe(true);
    expect(got?.headers).toEqual({ bytes: Uint8Array.of(1, 2) });
    await close();
  });

  test("messages are kept by a broker that restarts: they are persistent", async () => {
    const { publish, queue } = opened;
    const name = await queue();
    await publish(name, "a");
    const request = { count: 1, ackmode: "ack_requeue_true", encoding: "auto" };
    const got = await manage("POST", `queues/${vhost.path}/${name}/get`, request);
    expect(got).toMatchObject([{ properties: { delivery_mode: 2 } }]);
  });

  test("a message to be redelivered later is not redelivered at once", async () => {
    const { publish, queue, read } = opened;
    const name = await queue();
    const times: number[] = [];
    const { close, seen } = await read(name, async (delivery) => {
      times.push(performance.now());
      if (delivery.redelivered) await delivery.ack();
      else await delivery.nack({ requeue: true, delayMs: 300 });
    });
    await publish(name, "a");
    await seen.atLeast(2);
    const [first = 0, second = 0] = times;
    expect(second - first).toBeGreaterThan(290);
    await close();
  });

  test("a quorum queue takes, gives back and redelivers, and is no classic one", async () => {
    const { broker, publish, queue, read } = opened;
    const name = await queue({ arguments: { "x-queue-type": "quorum" } });
    for (const body of ["a", "b"]) expect(await publish(name, body)).toEqual({ routed: true });
    const { close, seen } = await read(name, (delivery) =>
      delivery.redelivered || text(delivery) === "b"
        ? delivery.ack()
        : delivery.nack({ requeue: true }),
    );
    await seen.atLeast(3);
    await close();
    const classic = { exchanges: [], queues: [{ name }], bindings: [] };
    await expect(broker.declare(classic)).rejects.toMatchObject({ code: "E_TOPOLOGY_MISMATCH" });
  });

  test("a broker that takes nothing is sent a window, not everything", async () => {
    const wire = await openWire(`${rabbit.address.host}:${rabbit.address.port}`);
    const slow = await openBroker({
      ...{ vhost: vhost.name, host: "127.0.0.1", port: wire.port, heartbeatSeconds: 60 },
    });
    const name = await slow.queue();
    wire.fallSilent();
    const before = wire.takenBytes();
    const large = "x".repeat(100_000);
    const sent = Promise.allSettled(bodies(300).map(() => slow.publish(name, large)));
    await expect.poll(() => wire.takenBytes() - before, patience).toBeGreaterThan(7_000_000);
    await slow.broker.close();
    expect(wire.takenBytes() - before).toBeLessThan(10_000_000);
    expect((await sent).every(({ status }) => status === "rejected")).toBe(true);
    wire.close();
  });
});
