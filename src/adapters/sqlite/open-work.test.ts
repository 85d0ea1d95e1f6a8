import { expect, test } from "vitest";
import { sampleMessage } from "../testing/samples.ts";
import { transport } from "./consumers.ts";
import { createOpenWork, type Decided } from "./open-work.ts";

const decided = (values: Partial<Decided>): Decided => ({
  ...{ seq: 1, runner: 1, consumer: "svc-a", messageId: "m1", flowId: "flow-1", isEnded: false },
  ...{ outgoing: [], timers: [] },
  ...values,
});
const toB = () => ["svc-b"];
const timer = (id: string, owner = "svc-a") => ({
  ...{ message: sampleMessage({ id, kind: "timer" as const }), owner },
  dueAtMs: 0,
});
const named = ({
  kind,
  consumer,
  messageId,
}: {
  kind: string;
  consumer: string;
  messageId: string;
}) => `${kind} ${messageId} at ${consumer === transport ? "the transport" : consumer}`;

test("what an entry sends is owed to the transport and to each consumer, and says where it stands", () => {
  const work = createOpenWork();
  const outgoing = [sampleMessage({ id: "m2" }), sampleMessage({ id: "m3" })];
  work.note(decided({ seq: 4, runner: 9, outgoing, timers: [timer("t1")] }), toB);
  expect(work.opened().map(named)).toEqual([
    "message m2 at the transport",
    "message m3 at the transport",
    "message m2 at svc-b",
    "message m3 at svc-b",
    "timer t1 at svc-a",
  ]);
  const places = work
    .opened()
    .map(({ flowId, position, runner, seq }) => [flowId, position, runner, seq]);
  expect(places).toEqual([0, 1, 0, 1, 0].map((position) => ["flow-1", position, 9, 4]));
});

test("what a consumer records is closed for it, and was sent", () => {
  const work = createOpenWork();
  work.note(decided({ outgoing: [sampleMessage({ id: "m2" })] }), () => ["svc-b", "svc-c"]);
  work.note(decided({ seq: 2, consumer: "svc-b", messageId: "m2" }), toB);
  expect(work.opened().map(named)).toEqual(["message m2 at svc-c"]);
  expect(work.isClosed("svc-b", "m2")).toBe(true);
  expect(work.isClosed(transport, "m2")).toBe(true);
  expect(work.isClosed("svc-c", "m2")).toBe(false);
  expect(work.closed()).toContainEqual({ consumer: "svc-a", messageId: "m1" });
});

test("what a transport took is closed for the transport alone", () => {
  const work = createOpenWork();
  work.note(decided({ outgoing: [sampleMessage({ id: "m2" })] }), toB);
  work.sent("m2");
  expect(work.opened().map(named)).toEqual(["message m2 at svc-b"]);
});

test("closed work is not reopened, whichever entry sends it again", () => {
  const work = createOpenWork();
  const outgoing = [sampleMessage({ id: "m2" })];
  work.note(decided({ outgoing }), toB);
  work.sent("m2");
  work.note(decided({ consumer: "svc-b", messageId: "m2" }), toB);
  work.note(decided({ seq: 3, messageId: "m3", outgoing }), toB);
  work.note(decided({ outgoing }), toB);
  expect(work.opened()).toEqual([]);
});

test("open work stays with the entry that requested it first", () => {
  const work = createOpenWork();
  const outgoing = [sampleMessage({ id: "m2" })];
  work.note(decided({ outgoing }), toB);
  work.note(decided({ seq: 3, messageId: "m3", outgoing }), toB);
  expect(work.opened().map(({ seq }) => seq)).toEqual([1, 1]);
});

test("a flow that has ended waits for no timer of its consumer; its messages go on", () => {
  const work = createOpenWork();
  const timers = [timer("t1"), timer("t2", "svc-b")];
  work.note(decided({ outgoing: [sampleMessage({ id: "m2" })], timers }), toB);
  work.note(decided({ seq: 2, messageId: "m9", isEnded: true }), toB);
  expect(work.opened().map(named)).toEqual([
    "message m2 at the transport",
    "message m2 at svc-b",
    "timer t2 at svc-b",
  ]);
  expect(work.ended()).toEqual([{ consumer: "svc-a", flowId: "flow-1" }]);
});

test("a parked message is closed for its consumer", () => {
  const work = createOpenWork();
  work.note(decided({ outgoing: [sampleMessage({ id: "m2" })] }), toB);
  work.sent("m2");
  work.note(
    decided({
      seq: 2,
      consumer: "parking",
      messageId: "p1",
      parks: { consumer: "svc-b", messageId: "m2" },
    }),
    toB,
  );
  expect(work.opened()).toEqual([]);
});

test("inherited messages are owed to the transport, unless it took them", () => {
  const work = createOpenWork();
  const place = { seq: 3, position: 2, runner: 5 };
  work.sent("m1");
  work.inherited(sampleMessage({ id: "m1" }), place);
  work.inherited(sampleMessage({ id: "m2" }), place);
  expect(work.opened()).toMatchObject([
    { kind: "message", consumer: transport, messageId: "m2", flowId: "flow-1", ...place },
  ]);
});

test("after a checkpoint nothing is known", () => {
  const work = createOpenWork();
  work.note(decided({ outgoing: [sampleMessage({ id: "m2" })], isEnded: true }), toB);
  work.clear();
  expect([work.opened(), work.closed(), work.ended()]).toEqual([[], [], []]);
});

test("what was inherited and is sent again leaves nothing to write, unless it was written meanwhile", () => {
  const work = createOpenWork();
  const place = { seq: 4, position: 1, runner: 9 };
  const message = sampleMessage({ id: "m2" });
  work.inherited(message, place);
  expect(work.opened()).toMatchObject([{ ...place, consumer: transport, messageId: "m2" }]);
  work.sent("m2");
  expect([work.opened(), work.closed()]).toEqual([[], []]);
  work.inherited(message, place);
  work.clear(); // a checkpoint wrote it
  work.sent("m2");
  expect(work.closed()).toEqual([{ consumer: transport, messageId: "m2" }]);
});
