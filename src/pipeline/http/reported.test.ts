import { expect, test } from "vitest";
import { TuError } from "../errors.ts";
import type { Endpoint } from "../ports/endpoint.ts";
import type { Hop } from "../ports/reporter.ts";
import { reported } from "./reported.ts";

const endpoint = (values: Partial<Endpoint>): Endpoint => ({
  method: "PUT",
  path: "/*",
  hop: "PUT object",
  handle: async () => ({ status: 201, body: "" }),
  ...values,
});
const request = (headers: Record<string, string>) => ({
  ...{ method: "PUT", target: "/a", headers, body: new Uint8Array() },
});
function around() {
  const hops: Hop[] = [];
  const notices: object[] = [];
  return {
    hops,
    notices,
    ports: {
      clock: { nowMs: () => 42 },
      reporter: {
        hop: (hop: Hop) => void hops.push(hop),
        notice: (notice: object) => void notices.push(notice),
      },
    },
  };
}

test("a request is a hop of the flow that it names, from whoever sent it", async () => {
  const { hops, ports } = around();
  const { handle } = reported(endpoint({}), "object-store", ports);
  expect(await handle(request({ "x-correlation-id": "f1" }))).toEqual({ status: 201, body: "" });
  await handle(request({ "x-correlation-id": "f2", "x-producer": "svc" }));
  const hop = { name: "PUT object", kind: "request", transport: "http", to: "object-store" };
  const rest = { atMs: 42, messageId: null, causationId: null, note: null };
  expect(hops).toEqual([
    { ...hop, ...rest, flowId: "f1", from: "client" },
    { ...hop, ...rest, flowId: "f2", from: "svc" },
  ]);
});

test("what names no flow, and what has no name for a story, is no hop", async () => {
  const { hops, ports } = around();
  await reported(endpoint({}), "svc", ports).handle(request({}));
  const probe = reported(endpoint({ hop: null }), "svc", ports);
  await probe.handle(request({ "x-correlation-id": "f1" }));
  expect(hops).toEqual([]);
});

test.each([
  [new TuError("E_STATE_BUSY", "locked"), 503, "E_STATE_BUSY", "locked"],
  [new TuError("E_UPLOAD_REFUSED", "no"), 500, "E_UPLOAD_REFUSED", "no"],
  [new Error("oops"), 500, "E_BUG", "oops"],
])("%s is %i, and the operator hears the reason", async (error, status, code, reason) => {
  const { notices, ports } = around();
  const failing = reported(endpoint({ handle: () => Promise.reject(error) }), "svc", ports);
  const reply = await failing.handle(request({ "x-correlation-id": "f1" }));
  expect(reply).toMatchObject({ status, body: { title: reason, status, code } });
  const message = `svc failed on PUT /*: ${reason}`;
  expect(notices).toEqual([{ code, message, flowId: "f1" }]);
});
