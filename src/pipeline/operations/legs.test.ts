import { expect, test } from "vitest";
import { createMemoryBroker } from "../../adapters/memory/broker.ts";
import { createManualClock, createSystemClock } from "../../adapters/memory/clock.ts";
import { createMemoryEventLog } from "../../adapters/memory/event-log.ts";
import { createRandomIds } from "../../adapters/memory/ids.ts";
import { createMemoryObjectStore } from "../../adapters/memory/object-store.ts";
import type { HttpRequest } from "../ports/http-client.ts";
import { brokerLeg, canaryTopic, logLeg, objectsLeg, tryLegs } from "./legs.ts";

const clock = createSystemClock();
const ids = createRandomIds(clock);
const during = () => ({ clock, timeoutMs: 20_000, signal: new AbortController().signal });

test("a canary goes over log and broker, and leaves no queue behind", async () => {
  const [log, broker] = [createMemoryEventLog(), createMemoryBroker()];
  const tried = await tryLegs([logLeg({ log, ids }), brokerLeg({ broker, ids })], during());
  expect(tried).toEqual([
    { name: "kafka", ms: expect.any(Number), problem: null },
    { name: "rabbitmq", ms: expect.any(Number), problem: null },
  ]);
  const queue = { name: `${canaryTopic}.x` };
  expect(await broker.check({ exchanges: [], queues: [queue] })).toEqual({ missing: [queue.name] });
});

test("a transport that is away is a problem, and no exception", async () => {
  const broker = createMemoryBroker();
  broker.lose();
  const [tried] = await tryLegs([brokerLeg({ broker, ids })], during());
  expect(tried).toMatchObject({ ms: null, problem: { code: "E_SERVICE_UNAVAILABLE" } });
});

test("a leg that does not answer is given up when its time is over", async () => {
  const manual = createManualClock(0);
  const legs = [{ name: "silent", roundTrip: () => new Promise<never>(() => undefined) }];
  const signal = new AbortController().signal;
  const trying = tryLegs(legs, { clock: manual, timeoutMs: 5_000, signal });
  await manual.advance(5_000);
  expect(await trying).toEqual([
    { name: "silent", ms: null, problem: { code: "E_DEADLINE", reason: "no answer within 5 s" } },
  ]);
});

test("the caller's signal ends it with its reason", async () => {
  const stop = new AbortController();
  const legs = [{ name: "silent", roundTrip: () => new Promise<never>(() => undefined) }];
  const trying = tryLegs(legs, { clock, timeoutMs: 60_000, signal: stop.signal });
  stop.abort(new Error("enough"));
  await expect(trying).rejects.toThrow("enough");
});

function objectStore(statusOf: (request: HttpRequest) => number) {
  const requests: HttpRequest[] = [];
  const signer = {
    presign: ({ key, method }: { key: string; method: string }) => ({
      url: `http://objects/${method}/${key}`,
      expiresAt: "2026-01-01T00:00:00.000Z",
    }),
    authorize: () => ({ allowed: false, reason: "malformed" }) as const,
  };
  const objects = createMemoryObjectStore({ signer });
  const http = {
    async send(request: HttpRequest) {
      requests.push(request);
      const key = request.url.slice("http://objects/PUT/".length);
      if (request.method === "PUT" && statusOf(request) === 200)
        await objects.put(key, new TextEncoder().encode(key), { contentType: "image/png" });
      return { status: statusOf(request), headers: {}, body: new Uint8Array() };
    },
  };
  return { leg: objectsLeg({ objects, http, ids }), objects, requests };
}

test("an object is put and fetched over the presigned URLs, and removed", async () => {
  const { leg, objects, requests } = objectStore(() => 200);
  expect(await tryLegs([leg], during())).toMatchObject([{ problem: null }]);
  expect(requests.map(({ method }) => method)).toEqual(["PUT", "GET"]);
  expect(await objects.list()).toEqual([]);
});

test("an object that cannot be fetched is a problem, and removed", async () => {
  const { leg, objects } = objectStore(({ method }) => (method === "PUT" ? 200 : 403));
  expect(await tryLegs([leg], during())).toMatchObject([
    { problem: { reason: "GET was answered with status 403" } },
  ]);
  expect(await objects.list()).toEqual([]);
});
