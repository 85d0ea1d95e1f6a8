import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { openServers } from "../../../scripts/services/open-servers.ts";
import type { EventLog, LogDelivery } from "../../pipeline/ports/event-log.ts";
import { createCollector } from "../testing/collector.ts";
import { openWire } from "../testing/wire.ts";
import { createKafkaEventLog, type KafkaEventLogOptions } from "./event-log.ts";
import { openTopics } from "./testing/topics.ts";

const brokers = inject("servers")["KAFKA_BROKERS"]?.split(",") ?? [];
const server = openServers().find(({ name }) => name === "kafka");
const isOurs = inject("ours").includes("kafka");
const patience = { timeout: 50_000, interval: 20 };

const text = ({ body }: LogDelivery) => Buffer.from(body ?? []).toString();

describe.skipIf(brokers.length === 0)("Kafka in trouble", () => {
  let topics: Awaited<ReturnType<typeof openTopics>>;
  let names = 0;
  beforeAll(async () => {
    topics = await openTopics(brokers);
  });
  afterAll(async () => {
    await topics.remove();
  });

  async function open(options: Partial<KafkaEventLogOptions> = {}) {
    const opened = await createKafkaEventLog({
      ...{ brokers, sessionTimeoutMs: 6000, onError: () => {}, ...options },
    });
    const log = topics.noting(opened);
    const topic = `outage-${process.pid}-${Date.now()}-${names++}`;
    await log.createTopic({ name: topic, partitions: 1 });
    const states: string[] = [];
    log.onState((state) => states.push(state));
    const append = (body: string) =>
      log.append({ topic, key: Buffer.from(body), headers: [], body: Buffer.from(body) });
    return { log, topic, states, append, read: readerOf(log, topic) };
  }

  test("a handler that takes longer than the session keeps its membership", async () => {
    const { append, log, read } = await open();
    const reader = await read(async (delivery) => {
      if (text(delivery) === "slow") await new Promise((resolve) => setTimeout(resolve, 9000));
      await delivery.commit();
    });
    await append("slow");
    await append("fast");
    await vi.waitFor(() => expect(reader.seen.items.map(text)).toContain("slow"), patience);
    await vi.waitFor(() => expect(reader.status().partitions[0]?.lag).toBe(0), patience);
    expect(reader.seen.items.map(text)).toEqual(["slow", "fast"]);
    expect(reader.changes).toEqual(["assigned"]);
    await log.close();
  });

  test("a half-open connection is found and replaced, although nothing is sent", async () => {
    const wire = await openWire(brokers[0] ?? "");
    const { append, log, states } = await open({ connect: wire.connect });
    await append("before");
    wire.fallSilent();
    await vi.waitFor(() => expect(states).toEqual(["lost"]), patience);
    await expect(append("meanwhile")).rejects.toMatchObject({ code: "E_SERVICE_UNAVAILABLE" });
    wire.speak();
    await vi.waitFor(() => expect(states).toEqual(["lost", "back"]), patience);
    expect(await append("after")).toMatchObject({ partition: 0, offset: 1 });
    await log.close();
    wire.close();
  });

  test("after a lost connection the group is rejoined at once, not when the session ends", async () => {
    const wire = await openWire(brokers[0] ?? "");
    const options = { connect: wire.connect, sessionTimeoutMs: 60_000 };
    const { append, log, read, states } = await open(options);
    const reader = await read((delivery) => delivery.commit());
    wire.fallSilent();
    await vi.waitFor(() => expect(states).toEqual(["lost"]), patience);
    wire.speak();
    await vi.waitFor(() => expect(states).toEqual(["lost", "back"]), { timeout: 10_000 });
    await append("after");
    expect((await reader.seen.atLeast(1)).map(text)).toEqual(["after"]);
    await log.close();
    wire.close();
  });

  test("a member that was removed hears it, joins again, and gets what it had not done", async () => {
    const { append, log, read, states, topic } = await open();
    const reader = await read(async (delivery) => {
      if (reader.seen.items.length > 1) await delivery.commit();
    });
    await append("a");
    const [first] = await reader.seen.atLeast(1);
    await topics.removeMembers(topic);
    expect((await reader.seen.atLeast(2)).map(text)).toEqual(["a", "a"]);
    await expect(first?.commit()).rejects.toMatchObject({ code: "E_SERVICE_UNAVAILABLE" });
    expect(reader.changes).toEqual(["assigned", "lost", "assigned"]);
    expect(states).toEqual([]);
    await log.close();
  });

  test.skipIf(!isOurs)("a broker is killed and comes back: every record arrives", async () => {
    const { append, log, read, states } = await open();
    const reader = await read((delivery) => delivery.commit());
    const taken = new Set<string>();
    const appendUntilTaken = async (body: string) => {
      while (!taken.has(body))
        await append(body).then(
          () => taken.add(body),
          () => new Promise((resolve) => setTimeout(resolve, 100)), // not taken, or not known to be
        );
    };
    for (let index = 0; index < 50; index += 1) await appendUntilTaken(`before ${index}`);
    await server?.kill();
    await vi.waitFor(() => expect(states).toEqual(["lost"]), patience);
    const appended = Promise.all(["x", "y", "z"].map(appendUntilTaken));
    await server?.start();
    await appended;
    expect(states).toEqual(["lost", "back"]);
    await vi.waitFor(() => expect(new Set(reader.seen.items.map(text))).toEqual(taken), patience);
    await log.close();
  });

  test.skipIf(!isOurs)("a process that closes while the broker is down ends", async () => {
    const path = fileURLToPath(new URL("./testing/closing-child.ts", import.meta.url));
    const topic = `closing-${process.pid}-${Date.now()}`;
    topics.note(topic);
    const child = fork(path, [brokers.join(), topic], { execArgv: ["--import", "tsx"] });
    expect(await once(child, "message")).toEqual(["read", undefined]);
    await server?.kill();
    const exited = once(child, "exit");
    const closedAtMs = Date.now();
    child.send("close");
    expect(await exited).toEqual([0, null]);
    expect(Date.now() - closedAtMs).toBeLessThan(10_000); // the deadline of a shutdown
    await server?.start();
  });
});

function readerOf(log: EventLog, topic: string) {
  return async (handler: (delivery: LogDelivery) => Promise<void>) => {
    const seen = createCollector<LogDelivery>();
    const changes: string[] = [];
    const subscription = await log.subscribe(
      {
        ...{ group: topic, topics: [topic], from: "earliest", window: 10 },
        onGroup: ({ type }) => changes.push(type),
      },
      (delivery) => {
        seen.add(delivery);
        return handler(delivery);
      },
    );
    return { seen, changes, status: subscription.status };
  };
}
