import { createDeferred } from "../deferred.ts";
import { describeError, TuError } from "../errors.ts";
import { orAborted } from "../or-aborted.ts";
import type { Broker } from "../ports/broker.ts";
import type { Clock } from "../ports/clock.ts";
import type { EventLog } from "../ports/event-log.ts";
import type { HttpClient } from "../ports/http-client.ts";
import type { Ids } from "../ports/ids.ts";
import type { ObjectStore } from "../ports/object-store.ts";
import type { LegReport } from "../reports/running.ts";
import { instanceQueue } from "../topology.ts";

// Whether everything between services works: a canary goes over each leg and comes back. Nothing of it stays, except
// the topic: a log cannot be written to without one.

export type Leg = {
  readonly name: string;
  /** Rejects if it does not work. */
  roundTrip(signal: AbortSignal): Promise<void>;
};

export const canaryTopic = "tu-analyze.canary";

/** All of them at once; each takes at most `timeoutMs`. Throws only the signal's reason. */
export function tryLegs(
  legs: readonly Leg[],
  options: {
    readonly clock: Pick<Clock, "nowMs" | "sleep">;
    readonly timeoutMs: number;
    readonly signal: AbortSignal;
  },
): Promise<readonly LegReport[]> {
  return Promise.all(legs.map((leg) => tryLeg(leg, options)));
}

async function tryLeg(
  { name, roundTrip }: Leg,
  { clock, signal, timeoutMs }: Parameters<typeof tryLegs>[1],
): Promise<LegReport> {
  const startedAtMs = clock.nowMs();
  const patience = new AbortController();
  const stop = AbortSignal.any([signal, patience.signal]);
  const overdue = clock.sleep(timeoutMs, stop).then(
    () => patience.abort(new TuError("E_DEADLINE", `no answer within ${timeoutMs / 1000} s`)),
    () => undefined, // it answered, or the signal came
  );
  try {
    await orAborted(roundTrip(stop), stop);
    return { name, ms: clock.nowMs() - startedAtMs, problem: null };
  } catch (error) {
    signal.throwIfAborted();
    const { code, reason } = describeError(error);
    return { name, ms: null, problem: { code, reason } };
  } finally {
    patience.abort();
    await overdue;
  }
}

/** A record is appended, and arrives. */
export const logLeg = ({ ids, log }: { readonly log: EventLog; readonly ids: Ids }): Leg => ({
  name: "kafka",
  async roundTrip(signal) {
    const id = ids.create();
    await log.createTopic({ name: canaryTopic, partitions: 1 });
    const arrived = createArrival(id, signal);
    const group = `${canaryTopic}.${id}`;
    const reading = await log.subscribe(
      { group, topics: [canaryTopic], from: "latest", window: 1 },
      async (delivery) => {
        arrived.saw(delivery.body);
        await delivery.commit();
      },
    );
    try {
      await log.append({ topic: canaryTopic, key: null, headers: [], body: bytesOf(id) });
      await arrived.wait();
    } finally {
      await reading.close();
    }
  },
});

/** A message goes through the default exchange to a queue that ends with its consumer. */
export const brokerLeg = ({
  broker,
  ids,
}: {
  readonly broker: Broker;
  readonly ids: Ids;
}): Leg => ({
  name: "rabbitmq",
  async roundTrip(signal) {
    const id = ids.create();
    const queue = `${canaryTopic}.${id}`;
    const queues = [{ name: queue, ...instanceQueue }];
    await broker.declare({ exchanges: [], queues, bindings: [] });
    const arrived = createArrival(id, signal);
    const reading = await broker.consume({ queue, prefetch: 1 }, async (delivery) => {
      arrived.saw(delivery.body);
      await delivery.ack();
    });
    try {
      const to = { exchange: "", routingKey: queue };
      await broker.publish({ ...to, headers: {}, properties: {}, body: bytesOf(id) });
      await arrived.wait();
    } finally {
      await reading.close();
    }
  },
});

/** An object is put and fetched as clients do it, and deleted. */
export const objectsLeg = (ports: {
  readonly objects: ObjectStore;
  readonly http: HttpClient;
  readonly ids: Ids;
}): Leg => ({
  name: "object store",
  async roundTrip() {
    const { http, ids, objects } = ports;
    const key = `images/canary/${ids.create()}.png`;
    const contentType = "image/png";
    const limit = { key, expiresInSeconds: 60 };
    try {
      const put = objects.presign({ ...limit, method: "PUT", contentType });
      const headers = { "content-type": contentType };
      await expectOk(
        "PUT",
        http.send({ method: "PUT", url: put.url, headers, body: bytesOf(key) }),
      );
      const get = objects.presign({ ...limit, method: "GET", contentType: "" });
      await expectOk("GET", http.send({ method: "GET", url: get.url, headers: {} }));
    } finally {
      await objects.delete(key);
    }
  },
});

async function expectOk(what: string, sent: ReturnType<HttpClient["send"]>): Promise<void> {
  const { status } = await sent;
  if (status === 200) return;
  throw new TuError("E_SERVICE_UNAVAILABLE", `${what} was answered with status ${status}`);
}

const bytesOf = (text: string) => new TextEncoder().encode(text);

/** Resolves when a message with this text as its body was seen. */
function createArrival(text: string, signal: AbortSignal) {
  const arrived = createDeferred();
  return {
    saw(body: Uint8Array | null) {
      if (body !== null && new TextDecoder().decode(body) === text) arrived.resolve();
    },
    wait: () => orAborted(arrived.promise, signal),
  };
}
