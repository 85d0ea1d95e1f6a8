import { expect, test } from "vitest";
import { sampleMessage } from "../../adapters/testing/samples.ts";
import { findContract } from "../contracts/catalogue.ts";
import { clientHop, messageHop, requestHop, timerHop, writeHop } from "./hops.ts";

const message = sampleMessage({
  ...{ id: "m1", flowId: "f", name: "analysis.started", causationId: "m0" },
  payload: {},
});

test("a message's hop has its name, and the transport and producer of its route", () => {
  const contract = findContract("analysis.started");
  const [route] = contract?.routes ?? [];
  if (contract === undefined || route === undefined) throw new Error("it is in the catalogue");
  const at = { to: "graph-gateway", atMs: 5, note: "attempt 2/3" };
  expect(messageHop(message, { contract, route }, at)).toEqual({
    ...{ flowId: "f", name: "analysis.started", kind: "event", transport: "rabbitmq" },
    ...{ from: "svc-analysis-orchestrator", messageId: "m1", causationId: "m0", ...at },
  });
});

test("a timer's hop is named by step and purpose, or by its name, from its owner to itself", () => {
  const timer = { ...message, name: "engine.timer" };
  const ofStep = { ...timer, payload: { step: "metadata", purpose: "timeout", attempt: 2 } };
  expect(timerHop(ofStep, "svc", 5)).toEqual({
    ...{ flowId: "f", name: "metadata timeout", kind: "timer", transport: "timer", from: "svc" },
    ...{ to: "svc", atMs: 5, messageId: "m1", causationId: "m0", note: "attempt 2" },
  });
  expect(timerHop(timer, "svc", 5)).toMatchObject({ name: "engine.timer", note: null });
});

test("hops of requests, writes and client events have no message id", () => {
  const request = { flowId: "f", name: "startUpload", from: "client", to: "graph-gateway" };
  expect(requestHop({ ...request, atMs: 5, transport: "graphql" })).toEqual({
    ...{ ...request, atMs: 5, transport: "graphql", kind: "request" },
    ...{ messageId: null, causationId: null, note: null },
  });
  const write = { name: "machine saved", from: "svc", to: "machines", atMs: 5, note: "m7" };
  expect(writeHop(message, write)).toEqual({
    ...{ ...write, flowId: "f", kind: "write", transport: "store" },
    ...{ messageId: null, causationId: "m1" },
  });
  const told = { flowId: "f", name: "onAnalysisCompleted", atMs: 5 };
  expect(clientHop({ ...told, eventId: "m9" })).toEqual({
    ...{ ...told, kind: "event", transport: "graphql-ws", from: "graph-gateway", to: "client" },
    ...{ messageId: null, causationId: "m9", note: null },
  });
});
