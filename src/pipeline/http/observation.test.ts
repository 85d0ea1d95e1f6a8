import { expect, test } from "vitest";
import { createManualClock } from "../../adapters/memory/clock.ts";
import { sha256 as digest } from "../../adapters/memory/ids.ts";
import { TuError } from "../errors.ts";
import type { Publisher } from "../ports/publisher.ts";
import { sampleHop } from "../trace/hop.samples.ts";
import { createRecorder } from "../trace/recorder.ts";
import { createObservationEndpoints } from "./observation.ts";

const flowId = "0198c7e6-2f6a-7000-8000-000000000001";

function observation() {
  const clock = createManualClock(0);
  const recorder = createRecorder({ hop: () => undefined, notice: () => undefined });
  const machines = { findByObjectKey: async () => undefined };
  const sent: unknown[] = [];
  const publisher: Publisher = {
    async send(destination, wire) {
      if (destination.transport === "rabbitmq") throw new TuError("E_UNROUTABLE", "no exchange");
      sent.push([destination, wire]);
      return { place: "kafka:t/0/7", routed: true };
    },
  };
  const closing = new AbortController();
  const endpoints = createObservationEndpoints({
    ...{ clock, digest, machines, recorder },
    ...{ publisher, token: "t0p", closing: closing.signal },
  });
  const ask = (path: string, query: string, authorization = "Bearer t0p") => {
    const endpoint = endpoints.find((one) => one.path === path);
    if (endpoint === undefined) throw new Error(`no ${path}`);
    const headers = { authorization };
    const target = `${path}?${query}`;
    return endpoint.handle({ method: "GET", target, headers, body: new Uint8Array() });
  };
  const post = (body: unknown, authorization = "Bearer t0p") => {
    const endpoint = endpoints.find(({ method }) => method === "POST");
    const bytes = new TextEncoder().encode(JSON.stringify(body));
    const headers = { authorization };
    return endpoint?.handle({ method: "POST", target: "/publish", headers, body: bytes });
  };
  return { ask, post, sent, clock, closing, recorder };
}
const hop = (name: string) => sampleHop({ flowId, name });

test.each(["", "Bearer", "Bearer t0", "Bearer t0pp", "t0p"])(
  "refuses the token %j",
  async (given) => {
    const { ask } = observation();
    for (const path of ["/hops", "/machine"])
      expect(await ask(path, `flow=${flowId}`, given)).toMatchObject({ status: 401 });
  },
);

const kafkaWire = { transport: "kafka", key: "\u00ff", headers: [], body: null } as const;

test("sends a message on its transports, byte for byte", async () => {
  const { post, sent } = observation();
  const destination = { transport: "kafka", topic: "t" };
  expect(await post({ destination, wire: kafkaWire })).toEqual({
    status: 200,
    body: { place: "kafka:t/0/7", routed: true },
  });
  expect(sent).toEqual([[destination, { ...kafkaWire, key: new Uint8Array([255]) }]]);
});

test("says why a message was not sent, and sends nothing without the token", async () => {
  const { post, sent } = observation();
  const destination = { transport: "rabbitmq", exchange: "e" };
  const refused = await post({ destination, wire: kafkaWire });
  expect(refused).toMatchObject({ body: { code: "E_UNROUTABLE", title: "no exchange" } });
  expect(await post({ destination: {}, wire: {} })).toMatchObject({ status: 500 });
  expect(await post({ destination, wire: kafkaWire }, "Bearer x")).toMatchObject({ status: 401 });
  expect(sent).toEqual([]);
});

test("tells the hops that the client does not know yet", async () => {
  const { ask, recorder } = observation();
  for (const name of ["one", "two", "three"]) recorder.hop(hop(name));
  expect(await ask("/hops", `flow=${flowId}&known=1&waitMs=0`)).toEqual({
    status: 200,
    body: { hops: [hop("two"), hop("three")] },
  });
});

test("waits for the next hop", async () => {
  const { ask, recorder } = observation();
  recorder.hop(hop("one"));
  const asking = ask("/hops", `flow=${flowId}&known=1&waitMs=5000`);
  recorder.hop(hop("two"));
  expect(await asking).toMatchObject({ body: { hops: [hop("two")] } });
});

test("answers without one when the wait is over, however long the client would wait", async () => {
  const { ask, clock } = observation();
  const asking = ask("/hops", `flow=${flowId}&known=0&waitMs=999999`);
  await clock.advance(10_000);
  expect(await asking).toEqual({ status: 200, body: { hops: [] } });
});

test("nobody waits once it closes", async () => {
  const { ask, closing } = observation();
  const asking = ask("/hops", `flow=${flowId}&known=0&waitMs=5000`);
  closing.abort();
  expect(await asking).toMatchObject({ status: 200 });
});

test("a picture without a machine has none", async () => {
  const { ask } = observation();
  expect(await ask("/machine", "objectKey=images/a.png")).toEqual({
    status: 200,
    body: { machine: null },
  });
});
