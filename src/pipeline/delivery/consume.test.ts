import { beforeEach, describe, expect, test } from "vitest";
import { createRandomIds } from "../../adapters/memory/ids.ts";
import { createMemoryJournal } from "../../adapters/memory/journal.ts";
import { findContract } from "../contracts/catalogue.ts";
import { TuError } from "../errors.ts";
import type { Message, Timer } from "../message.ts";
import type { LogDelivery } from "../ports/event-log.ts";
import type { Hop } from "../ports/reporter.ts";
import { fromUtf8, toUtf8 } from "./bytes.ts";
import { createConsumer } from "./consume.ts";
import { toDeadLetter } from "./dead-letter.ts";
import { deliveryFromLog } from "./delivery.ts";
import type { Handler, Service } from "./service.ts";
import { believing, idleTimers, takingRelay } from "./shell.samples.ts";
import type { ShellPorts } from "./shell.ts";
import type { Delivery } from "./wire.ts";

const contract = findContract("tu.images.uploaded");
if (contract === undefined) throw new Error("no such message");

let published: Message[];
let hops: Hop[];
let notices: string[];
let settled: string[];
let held: number;
let ports: ShellPorts;

beforeEach(() => {
  published = [];
  hops = [];
  notices = [];
  settled = [];
  held = 0;
  ports = {
    journal: createMemoryJournal(),
    ids: createRandomIds(),
    clock: { nowMs: () => 1_767_225_600_000, sleep: async () => undefined },
    timers: idleTimers,
    reporter: {
      hop: (hop) => void hops.push(hop),
      notice: ({ message }) => void notices.push(message),
    },
    handsOnEarly: false,
    links: believing,
    relay: { ...takingRelay((messages) => void published.push(...messages)), heldMs: () => held },
  };
});

const bridge = (handler: Handler): Service => ({
  name: "svc-messaging-bridge",
  endpoints: [],
  handlers: { "tu.images.uploaded": handler },
  prefetch: 1,
});
const forward: Handler = async (message) => ({
  outgoing: [{ name: "tu.image.uploaded", payload: message.payload }],
});
const settle = {
  done: async () => void settled.push("done"),
  again: async () => void settled.push("again"),
};
const arrived = (body: string | Uint8Array, offset = 7): Delivery => {
  const headers = { "x-correlation-id": "f1", "x-message-id": `m${offset}`, custom: "kept" };
  const delivery: LogDelivery = {
    topic: "tu.images.uploaded",
    partition: 0,
    offset,
    key: toUtf8("images/a.png"),
    headers: Object.entries(headers).map(([name, value]) => ({ name, value: toUtf8(value) })),
    body: typeof body === "string" ? toUtf8(body) : body,
    commit: async () => undefined,
    retry: async () => undefined,
  };
  const expected = { contract, route: contract.routes[0] };
  return deliveryFromLog(delivery, expected, "2026-01-01T00:00:00.000Z");
};
/** The usual route, with these consumers. */
const listenedTo = (
  ...listening: readonly { service: Service["name"]; isEphemeral?: true; isPerInstance?: true }[]
): Delivery["route"] => {
  const [route] = contract.routes;
  const [first] = route.consumers;
  if (first === undefined) throw new Error("somebody listens");
  return { ...route, consumers: listening.map((one) => ({ ...first, ...one })) };
};
const good = JSON.stringify(contract.example);
const letters = () =>
  published
    .filter(({ name }) => name === "tu.dead-letter")
    .map((message) => {
      const letter = toDeadLetter(message);
      if (letter.transport !== "kafka") throw new Error("it came from Kafka");
      const { headers, key, ...record } = letter.record;
      const texts = headers.map(({ name, value }) => [name, fromUtf8(value ?? Uint8Array.of())]);
      return {
        ...record,
        key: fromUtf8(key ?? Uint8Array.of()),
        headers: Object.fromEntries(texts),
      };
    });

test("a message is recorded, then published, then acknowledged", async () => {
  const order: string[] = [];
  const { journal } = ports;
  const watched: ShellPorts = {
    ...ports,
    journal: {
      ...journal,
      record: (entry) => {
        order.push("record");
        return journal.record(entry);
      },
    },
    relay: { ...ports.relay, dispatch: async () => void order.push("publish") },
  };
  const consumer = createConsumer(bridge(forward), watched);
  await consumer.onArrived(arrived(good), {
    ...settle,
    done: async () => void order.push("acknowledge"),
  });
  expect(order).toEqual(["record", "publish", "acknowledge"]);
});

test("with transports that end with it, a message is handed on before it is on the disk", async () => {
  const order: string[] = [];
  const early: ShellPorts = {
    ...ports,
    handsOnEarly: true,
    journal: {
      ...ports.journal,
      record: () => Promise.reject(new Error("it would wait for the disk")),
      durable: () => Promise.reject(new Error("it would wait for the disk")),
      async accept(entry) {
        order.push("accept");
        return ports.journal.accept(entry);
      },
    },
    relay: { ...ports.relay, dispatch: async () => void order.push("publish") },
  };
  await createConsumer(bridge(forward), early).onArrived(arrived(good), settle);
  expect([...order, ...settled]).toEqual(["accept", "publish", "done"]);
});

test("a redelivery does not call the handler, and has no further effect", async () => {
  let calls = 0;
  const consumer = createConsumer(
    bridge((...given) => {
      calls += 1;
      return forward(...given);
    }),
    ports,
  );
  await consumer.onArrived(arrived(good), settle);
  await consumer.onArrived(arrived(good), settle);
  expect(calls).toBe(1);
  expect(published).toHaveLength(1);
  expect(settled).toEqual(["done", "done"]);
});

describe("a message that cannot be processed", () => {
  test.each([
    ["no JSON", "{"],
    ["no UTF-8", Uint8Array.from([0xff, 0x00, 0xfe])],
    ["a field missing", '{"UploadId":"u"}'],
    ["a wrong type", good.replace("271804", '"many"')],
  ])(
    "for %s is parked at once, byte for byte, with its headers and its reason",
    async (_, body) => {
      const consumer = createConsumer(bridge(forward), ports);
      const poison = arrived(body);
      await consumer.onArrived(poison, settle);
      await consumer.onArrived(arrived(good, 8), settle);
      expect(settled).toEqual(["done", "done"]);
      expect(letters()).toHaveLength(1);
      expect(letters()[0]?.body).toEqual(poison.body);
      expect(letters()[0]).toMatchObject({
        topic: "tu.dead-letters",
        key: "images/a.png",
        headers: {
          custom: "kept",
          "x-message-id": "m7",
          "x-dead-origin": "kafka:tu.images.uploaded/0/7",
          "x-dead-target": "tu.images.uploaded",
          "x-dead-consumer": "svc-messaging-bridge",
          "x-dead-code": "E_MESSAGE_INVALID",
          "x-dead-attempts": "1",
        },
      });
      expect(published.filter(({ name }) => name === "tu.image.uploaded")).toHaveLength(1);
    },
  );

  test("for a failing handler is tried eight times, then parked once", async () => {
    const consumer = createConsumer(
      bridge(() => Promise.reject(new TypeError("broken"))),
      ports,
    );
    for (let delivery = 0; delivery < 8; delivery += 1)
      await consumer.onArrived(arrived(good), settle);
    expect(settled).toEqual([...Array.from({ length: 7 }, () => "again"), "done"]);
    expect(letters()).toHaveLength(1);
    expect(letters()[0]?.headers).toMatchObject({
      "x-dead-attempts": "8",
      "x-dead-code": "E_BUG",
      "x-dead-reason": "broken",
    });
    await consumer.onArrived(arrived(good), settle); // redelivered: still parked once
    expect(new Set(letters().map(({ headers }) => headers["x-dead-origin"])).size).toBe(1);
  });

  test("is never parked because of trouble with the store", async () => {
    const consumer = createConsumer(bridge(forward), {
      ...ports,
      journal: {
        ...ports.journal,
        record: () => Promise.reject(new TuError("E_STATE_FULL", "the disk is full")),
      },
    });
    for (let delivery = 0; delivery < 20; delivery += 1)
      await consumer.onArrived(arrived(good), settle);
    expect(new Set(settled)).toEqual(new Set(["again"]));
    expect(letters()).toEqual([]);
    expect(notices.at(-1)).toContain("the disk is full");
  });
});

test("a message whose record alone the store refuses is redelivered", async () => {
  let isBusy = true;
  const { journal } = ports;
  const consumer = createConsumer(bridge(forward), {
    ...ports,
    journal: {
      ...journal,
      // The store would accept the record of parking: only the decision keeps the message.
      record: (entry) =>
        isBusy && entry.message.id === "m7"
          ? Promise.reject(new TuError("E_STATE_BUSY", "locked by another process"))
          : journal.record(entry),
    },
  });
  for (let delivery = 0; delivery < 20; delivery += 1)
    await consumer.onArrived(arrived(good), settle);
  expect(new Set(settled)).toEqual(new Set(["again"]));
  expect(letters()).toEqual([]);
  isBusy = false;
  await consumer.onArrived(arrived(good), settle);
  expect(settled.at(-1)).toBe("done");
  expect(published.map(({ name }) => name)).toEqual(["tu.image.uploaded"]);
});

describe("a processed message does not count against its next arrival", () => {
  const failing = bridge(() => Promise.reject(new TypeError("broken")));
  const waiting = () => {
    const delays: number[] = [];
    const again = async (delayMs: number) => void delays.push(delayMs);
    return { delays, settle: { ...settle, again } };
  };

  test("the delays between its attempts grow up to five seconds", async () => {
    const { delays, settle: slow } = waiting();
    const down = bridge(() => Promise.reject(new TuError("E_SERVICE_UNAVAILABLE", "gone")));
    const consumer = createConsumer(down, ports);
    for (let delivery = 0; delivery < 13; delivery += 1)
      await consumer.onArrived(arrived(good), slow);
    expect(delays).toEqual([
      ...[50, 100, 200, 400, 800, 1600, 3200],
      ...[5000, 5000, 5000, 5000, 5000, 5000],
    ]);
  });

  test("its attempts and delays start over once it was parked", async () => {
    const { delays, settle: slow } = waiting();
    const consumer = createConsumer(failing, ports);
    for (let delivery = 0; delivery < 16; delivery += 1)
      await consumer.onArrived(arrived(good), slow);
    const untilParked = [50, 100, 200, 400, 800, 1600, 3200];
    expect(delays).toEqual([...untilParked, ...untilParked]);
    expect(settled).toEqual(["done", "done"]);
  });

  test("its delays start over once it was processed", async () => {
    const { delays, settle: slow } = waiting();
    let isDown = true;
    const { journal } = ports;
    const consumer = createConsumer(bridge(forward), {
      ...ports,
      journal: {
        ...journal,
        find: (...which) =>
          isDown ? Promise.reject(new TuError("E_STATE_BUSY", "locked")) : journal.find(...which),
      },
    });
    const arrive = () => consumer.onArrived(arrived(good), slow);
    await arrive();
    await arrive();
    isDown = false;
    await arrive();
    isDown = true;
    await arrive();
    expect(delays).toEqual([50, 100, 50]);
  });

  test("an ephemeral event that is finally passed on has used no attempts", async () => {
    let isBroken = true;
    const consumer = createConsumer(
      bridge(async () => {
        if (isBroken) throw new TypeError("broken");
        return { outgoing: [] };
      }),
      ports,
    );
    const route = listenedTo({ service: "svc-messaging-bridge", isEphemeral: true });
    const arrive = () => consumer.onArrived({ ...arrived(good), route }, settle);
    const failOften = async () => {
      for (let delivery = 0; delivery < 7; delivery += 1) await arrive();
    };
    await failOften();
    isBroken = false;
    await arrive();
    isBroken = true;
    await failOften();
    expect(letters()).toEqual([]);
    await arrive();
    expect(letters()).toHaveLength(1);
  });
});

test("attempts of other processes count towards parking", async () => {
  const failing = () =>
    createConsumer(
      bridge(() => Promise.reject(new TypeError("broken"))),
      ports,
    );
  for (let process = 0; process < 8; process += 1) await failing().onArrived(arrived(good), settle);
  expect(settled).toEqual([...Array.from({ length: 7 }, () => "again"), "done"]);
  expect(letters()).toHaveLength(1);
});

test("a parked message that is delivered again is handled as if for the first time", async () => {
  let isMended = false;
  const consumer = createConsumer(
    bridge((...given) => (isMended ? forward(...given) : Promise.reject(new TypeError("broken")))),
    ports,
  );
  for (let delivery = 0; delivery < 8; delivery += 1)
    await consumer.onArrived(arrived(good), settle);
  expect(letters()).toHaveLength(1);
  isMended = true;
  await consumer.onArrived(arrived(good), settle);
  expect(published.at(-1)?.name).toBe("tu.image.uploaded");
  expect(settled.at(-1)).toBe("done");
});

test("infrastructure failures do not count as attempts", async () => {
  let isDown = true;
  const consumer = createConsumer(
    bridge(() =>
      Promise.reject(
        isDown ? new TuError("E_SERVICE_UNAVAILABLE", "nobody is there") : new TypeError("broken"),
      ),
    ),
    ports,
  );
  for (let delivery = 0; delivery < 20; delivery += 1)
    await consumer.onArrived(arrived(good), settle);
  isDown = false;
  for (let delivery = 0; delivery < 7; delivery += 1)
    await consumer.onArrived(arrived(good), settle);
  expect(letters()).toEqual([]);
  await consumer.onArrived(arrived(good), settle);
  expect(letters()).toHaveLength(1);
});

test("an outage does not count towards a patience", async () => {
  let handled = 0;
  const scheduled: Timer[] = [];
  const timers = { ...ports.timers, schedule: (timer: Timer) => void scheduled.push(timer) };
  const service: Service = {
    ...bridge(forward),
    handlers: {
      late: async () => {
        handled += 1;
        return { outgoing: [] };
      },
    },
  };
  const nowMs = ports.clock.nowMs();
  const message = {
    ...(await timerMessage()),
    occurredAt: new Date(nowMs - 30_000).toISOString(),
  };
  const consumer = createConsumer(service, { ...ports, timers });
  held = 10_000;
  await consumer.onTimer({ message, dueAtMs: nowMs, owner: service.name, isPatience: true });
  expect(handled).toBe(0);
  expect(scheduled).toMatchObject([{ message: { id: "t1" }, dueAtMs: nowMs + 10_000 }]);
  held = 12_000; // the outage lasts two seconds more; the ten are already granted
  const [again] = scheduled.splice(0);
  if (again !== undefined) await consumer.onTimer({ ...again, dueAtMs: nowMs });
  expect(scheduled).toMatchObject([{ message: { id: "t1" }, dueAtMs: nowMs + 2_000 }]);
  const [last] = scheduled.splice(0);
  if (last !== undefined) await consumer.onTimer({ ...last, dueAtMs: nowMs });
  expect([handled, scheduled]).toEqual([1, []]);
  await consumer.onTimer({
    message: { ...message, id: "t2" },
    dueAtMs: nowMs,
    owner: service.name,
  });
  expect(handled).toBe(2);
});

async function timerMessage(): Promise<Message> {
  return {
    id: "t1",
    name: "late",
    kind: "timer",
    flowId: "f1",
    causationId: null,
    subject: "images/a.png",
    occurredAt: "",
    producer: "svc-messaging-bridge",
    schema: "late.v1",
    headers: {},
    payload: {},
  };
}

describe("a stop", () => {
  test("leaves aborted work unsettled and undecided, without a notice", async () => {
    const consumer = createConsumer(
      bridge(async (_, signal) => {
        consumer.stop();
        signal.throwIfAborted();
        return { outgoing: [] };
      }),
      ports,
    );
    await consumer.onArrived(arrived(good), settle);
    expect(settled).toEqual([]);
    expect(notices).toEqual([]);
    expect(await ports.journal.find("svc-messaging-bridge", "m7")).toBeUndefined();
  });

  test("hides no other error", async () => {
    const consumer = createConsumer(
      bridge(() => Promise.reject(new TypeError("broken"))),
      ports,
    );
    consumer.stop();
    await consumer.onArrived(arrived(good), settle);
    expect(settled).toEqual(["again"]);
    expect(notices.at(-1)).toContain("broken");
  });
});

test("an arrival is a hop with both ids", async () => {
  await createConsumer(bridge(forward), ports).onArrived(arrived(good), settle);
  expect(hops).toMatchObject([
    {
      flowId: "f1",
      name: "tu.images.uploaded",
      transport: "kafka",
      from: "tu-ingestion-service",
      to: "svc-messaging-bridge",
      messageId: "m7",
      causationId: null,
    },
  ]);
});

describe("a message received per instance", () => {
  const route = () =>
    listenedTo(
      { service: "graph-gateway", isEphemeral: true },
      { service: "svc-messaging-bridge", isPerInstance: true },
    );
  const listening = () => {
    const heard: string[] = [];
    const handler: Handler = async ({ id }) => {
      heard.push(id);
      return { outgoing: [{ name: "tu.image.uploaded", payload: contract.example }] };
    };
    return { heard, consumer: createConsumer(bridge(handler), ports) };
  };

  test("is handled by each instance once, recorded once, and causes nothing", async () => {
    const [one, other] = [listening(), listening()];
    for (const { consumer } of [one, other, one])
      await consumer.onArrived({ ...arrived(good), route: route() }, settle);
    expect([one.heard, other.heard]).toEqual([["m7"], ["m7"]]);
    expect(published).toEqual([]);
    expect(await ports.journal.find("svc-messaging-bridge", "m7")).toMatchObject({ outgoing: [] });
    expect(settled).toEqual(["done", "done", "done"]);
  });

  test("is recognised among the last thousand messages", async () => {
    const { consumer, heard } = listening();
    const hear = (offset: number) =>
      consumer.onArrived({ ...arrived(good, offset), route: route() }, settle);
    for (let offset = 0; offset < 1_024; offset += 1) await hear(offset);
    await hear(0);
    expect(heard).toHaveLength(1_024);
    await hear(1_024);
    await hear(1);
    expect(heard).toHaveLength(1_025);
    await hear(0); // the oldest, already forgotten
    expect(heard.slice(1_024)).toEqual(["m1024", "m0"]);
  });

  test("is not one whose route is ephemeral for another service only", async () => {
    const heard: string[] = [];
    const news = listenedTo({ service: "graph-gateway", isEphemeral: true });
    const consumer = createConsumer(
      bridge(async (message) => {
        heard.push(message.id);
        return { outgoing: [] };
      }),
      ports,
    );
    for (let time = 0; time < 2; time += 1)
      await consumer.onArrived({ ...arrived(good), route: news }, settle);
    // Recorded like any other message, and not processed twice.
    expect(heard).toEqual(["m7"]);
  });
});

test.each([{ isEphemeral: true }, { isPerInstance: true }] as const)(
  "nobody hears %o before what led to it is on the disk, or when it cannot be",
  async (listener) => {
    const heard: string[] = [];
    const disk = { isFull: true };
    const journal = {
      ...ports.journal,
      async durable() {
        if (disk.isFull) throw new TuError("E_STATE_FULL", "no space left");
        heard.push("on the disk");
      },
    };
    const consumer = createConsumer(
      bridge(async ({ id }) => {
        heard.push(id);
        return { outgoing: [] };
      }),
      { ...ports, journal, handsOnEarly: true },
    );
    const route = listenedTo({ service: "svc-messaging-bridge", ...listener });
    await consumer.onArrived({ ...arrived(good), route }, settle);
    expect([heard, settled]).toEqual([[], ["again"]]);
    disk.isFull = false;
    await consumer.onArrived({ ...arrived(good), route }, settle);
    expect([heard, settled]).toEqual([
      ["on the disk", "m7"],
      ["again", "done"],
    ]);
  },
);

test("an ephemeral event is passed on every time, and never recorded", async () => {
  const heard: string[] = [];
  const handler: Handler = async ({ id }) => {
    heard.push(id);
    return { outgoing: [] };
  };
  const pardoned: string[] = [];
  const journal = {
    ...ports.journal,
    pardon: async (_: string, { id }: Message) => void pardoned.push(id),
  };
  const consumer = createConsumer(bridge(handler), { ...ports, journal });
  const route = listenedTo({ service: "svc-messaging-bridge", isEphemeral: true });
  for (let time = 0; time < 2; time += 1)
    await consumer.onArrived({ ...arrived(good), route }, settle);
  expect(heard).toEqual(["m7", "m7"]);
  expect(await ports.journal.find("svc-messaging-bridge", "m7")).toBeUndefined();
  // Nothing to pardon without a failure.
  expect(pardoned).toEqual([]);
});

test("a message without a handler is reported as a bug", async () => {
  const consumer = createConsumer({ ...bridge(forward), handlers: {} }, ports);
  await consumer.onArrived(arrived(good), settle);
  expect(settled).toEqual(["again"]);
  expect(notices.join()).toContain("svc-messaging-bridge has no handler for tu.images.uploaded");
});

describe("a timer", () => {
  const timed = (late: Handler) =>
    createConsumer({ ...bridge(forward), handlers: { late } }, ports);
  const due = async (more: Partial<Timer> = {}): Promise<Timer> => ({
    ...{ message: await timerMessage(), dueAtMs: 0, owner: "svc-messaging-bridge" },
    ...more,
  });

  test("rejects when it fails, so that it fires again", async () => {
    const consumer = timed(() => Promise.reject(new TypeError("broken")));
    await expect(consumer.onTimer(await due())).rejects.toThrow("broken");
  });

  test("is left without a notice when a stop aborts it", async () => {
    const consumer = timed(async (_, signal) => {
      consumer.stop();
      signal.throwIfAborted();
      return { outgoing: [] };
    });
    await consumer.onTimer(await due());
    expect(await ports.journal.find("svc-messaging-bridge", "t1")).toBeUndefined();
  });

  test("is part of the story if it changed something", async () => {
    const outgoing = [{ name: "tu.image.uploaded", payload: contract.example }];
    await timed(async () => ({ outgoing: [] })).onTimer(await due());
    expect(hops).toEqual([]);
    const message = { ...(await timerMessage()), id: "t2" };
    await timed(async () => ({ outgoing })).onTimer(await due({ message }));
    expect(hops).toMatchObject([{ kind: "timer", name: "late", messageId: "t2" }]);
  });

  test("of a patience that fired late has already had that time", async () => {
    const scheduled: Timer[] = [];
    const timers = { ...ports.timers, schedule: (timer: Timer) => void scheduled.push(timer) };
    const consumer = createConsumer(
      { ...bridge(forward), handlers: { late: async () => ({ outgoing: [] }) } },
      { ...ports, timers },
    );
    const nowMs = ports.clock.nowMs();
    held = 10_000;
    await consumer.onTimer(await due({ dueAtMs: nowMs - 4_000, isPatience: true }));
    expect(scheduled).toMatchObject([{ dueAtMs: nowMs + 6_000, heldMs: 10_000 }]);
    scheduled.length = 0;
    await consumer.onTimer(await due({ dueAtMs: nowMs + 1_000, isPatience: true }));
    expect(scheduled).toMatchObject([{ dueAtMs: nowMs + 10_000 }]);
    scheduled.length = 0;
    await consumer.onTimer(await due({ dueAtMs: nowMs - 10_000, isPatience: true }));
    expect(scheduled).toEqual([]);
  });
});
