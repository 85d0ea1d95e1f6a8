import Libsql from "libsql";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import type { Message } from "../../pipeline/message.ts";
import { parking } from "../../pipeline/ports/journal.ts";
import { sampleEntry, sampleMessage } from "../testing/samples.ts";
import { createTemporaryDirectory } from "../testing/temporary-directory.ts";
import { openSqliteState, type SqliteState } from "./state.ts";

let nowMs = 0;
beforeEach(() => {
  nowMs = Date.parse("2026-01-01T00:00:00Z");
});
const clock = { nowMs: () => nowMs, sleep: () => Promise.reject(new Error("unused")) };
const minute = 60_000;

async function openFile() {
  const { directory, remove } = await createTemporaryDirectory();
  const file = `${directory}/flow.db`;
  const opened: SqliteState[] = [];
  onTestFinished(async () => {
    for (const state of opened) await state.close();
    await remove();
  });
  const open = async () => {
    const owedTo = ({ name }: Message) => (name === "owed" ? ["svc-b"] : []);
    const state = await openSqliteState(file, { clock, runnerId: "test", owedTo });
    opened.push(state);
    return state;
  };
  return { file, open };
}

const about = (flowId: string, id: string, more: Partial<Message> = {}) =>
  sampleMessage({ id, flowId, subject: `images/${flowId}.jpg`, ...more });
/** A flow of one consumer with two entries; the second one ends it. */
async function recordFinished({ journal }: SqliteState, flowId: string): Promise<void> {
  for (const [at, id] of [`${flowId}-1`, `${flowId}-2`].entries()) {
    const flow = { sequence: at + 1, state: { at }, ended: at === 1 };
    await journal.record(sampleEntry({ message: about(flowId, id), flow }));
    nowMs += 1000;
  }
}
const idsOf = async ({ flows }: SqliteState) =>
  (await flows.list({ after: null, limit: 1000 })).flows.map(({ flowId }) => flowId);

test("a flow is kept with its time, its size and what it is about", async () => {
  const state = await (await openFile()).open();
  await recordFinished(state, "a");
  await recordFinished(state, "b");
  expect(await state.flows.count()).toEqual({ finished: 2, underWay: 0 });
  const { flows, next } = await state.flows.list({ after: null, limit: 100 });
  expect(next).toBeNull();
  expect(flows[0]).toEqual({
    flowId: "a",
    subject: "images/a.jpg",
    firstAtMs: Date.parse("2026-01-01T00:00:00Z"),
    lastAtMs: Date.parse("2026-01-01T00:00:01Z"),
    entries: 2,
    sizeBytes: expect.any(Number),
    isFinished: true,
    isRemovable: false,
    deadLetters: 0,
  });
  expect(flows[0]?.sizeBytes).toBeGreaterThan(300);
  expect(flows[0]?.sizeBytes).toBeLessThan(1000);
});

test("flows come page by page, each once, in the order in which they began", async () => {
  const state = await (await openFile()).open();
  const wanted = Array.from({ length: 7 }, (_, at) => `f${at}`);
  for (const flowId of wanted) await recordFinished(state, flowId);
  const late = sampleEntry({ consumer: "late", message: about("f0", "late") });
  await state.journal.record(late);
  const found: string[] = [];
  let after: number | null = null;
  do {
    const page = await state.flows.list({ after, limit: 3 });
    found.push(...page.flows.map(({ flowId }) => flowId));
    after = page.next;
  } while (after !== null);
  expect(found).toEqual(wanted);
});

test("a flow that owes something or waits, for a message or a timer, is not finished, and stays", async () => {
  const state = await (await openFile()).open();
  const { journal } = state;
  const outgoing = [about("owes", "o2", { name: "owed" })];
  await journal.record(sampleEntry({ message: about("owes", "o1"), outgoing }));
  const flow = { sequence: 1, state: {}, ended: false };
  await journal.record(sampleEntry({ message: about("waits", "w1"), flow }));
  const timer = { message: about("timed", "t2", { kind: "timer" }), dueAtMs: 0, owner: "svc-a" };
  await journal.record(sampleEntry({ message: about("timed", "t1"), timers: [timer] }));
  await recordFinished(state, "done");
  await recordFinished(state, "last");
  nowMs += 60 * minute;
  expect(await state.flows.count()).toEqual({ finished: 2, underWay: 3 });
  const { flows } = await state.flows.list({ after: null, limit: 100 });
  expect(flows.filter(({ isFinished }) => !isFinished).map(({ flowId }) => flowId)).toEqual([
    "owes",
    "waits",
    "timed",
  ]);
  expect(await state.flows.remove(["owes", "waits", "timed", "done", "unknown"])).toEqual(["done"]);
  expect(await idsOf(state)).toEqual(["owes", "waits", "timed", "last"]);
});

test("a flow goes as a whole, with the tries of its messages", async () => {
  const { file, open } = await openFile();
  const state = await open();
  await recordFinished(state, "a");
  await state.journal.failed("svc-x", about("a", "a-3"), "2026-01-01T00:00:00.000Z");
  await recordFinished(state, "last");
  nowMs += 2 * minute;
  expect(await state.flows.remove(["a"])).toEqual(["a"]);
  expect(await state.journal.history("a")).toEqual([]);
  expect(await state.journal.find("svc-a", "a-1")).toBeUndefined();
  const other = new Libsql(file);
  expect(other.prepare("SELECT count(*) AS n FROM trouble").all([])).toMatchObject([{ n: 0 }]);
  other.close();
});

test("a recently touched flow stays", async () => {
  const state = await (await openFile()).open();
  await recordFinished(state, "a");
  await recordFinished(state, "last");
  nowMs += minute - 4000;
  expect(await state.flows.remove(["a"])).toEqual([]);
  nowMs += 5000;
  expect(await state.flows.remove(["a"])).toEqual(["a"]);
});

test("work recorded after everything was removed is owed after a kill", async () => {
  const { open } = await openFile();
  const state = await open();
  for (const flowId of ["a", "b", "c"]) await recordFinished(state, flowId);
  nowMs += 60 * minute;
  expect(await state.flows.remove(["a", "b", "c"])).toEqual(["a", "b"]);
  const outgoing = [about("next", "n2", { name: "owed" })];
  await state.journal.record(sampleEntry({ message: about("next", "n1"), outgoing }));
  // The lease of the killed run has expired.
  nowMs += minute;
  const next = await open();
  const owed = await next.journal.adopt(10);
  expect(owed).toMatchObject([{ type: "message", message: { id: "n2" } }]);
});

test("a message that an entry of long ago sent is not referred to", async () => {
  const state = await (await openFile()).open();
  const sent = about("a", "a-out");
  await state.journal.record(sampleEntry({ message: about("a", "a-1"), outgoing: [sent] }));
  state.journal.sent([sent]);
  await recordFinished(state, "last");
  nowMs += 2 * minute;
  expect(await state.flows.remove(["a"])).toEqual(["a"]);
  await state.journal.record(sampleEntry({ consumer: "svc-late", message: sent }));
  expect(await state.journal.history("a")).toMatchObject([{ message: sent }]);
});

test("dead letters are counted with their flow", async () => {
  const state = await (await openFile()).open();
  const parks = { consumer: "svc-b", messageId: "a-1" };
  await state.journal.record(sampleEntry({ consumer: parking, message: about("a", "p"), parks }));
  const { flows } = await state.flows.list({ after: null, limit: 1 });
  expect(flows).toMatchObject([{ flowId: "a", deadLetters: 1, isFinished: true }]);
});

test("all is cleared, whatever is under way, unless another process is at work", async () => {
  const { open } = await openFile();
  const state = await open();
  const outgoing = [about("owes", "o2", { name: "owed" })];
  await state.journal.record(sampleEntry({ message: about("owes", "o1"), outgoing }));
  const other = await open();
  await recordFinished(other, "b");
  await expect(state.flows.clear()).rejects.toMatchObject({ code: "E_STATE_BUSY" });
  expect(await idsOf(state)).toEqual(["owes", "b"]);
  await other.close();
  await state.flows.clear();
  expect(await state.flows.count()).toEqual({ finished: 0, underWay: 0 });
  await state.close();
  const next = await open();
  expect(await next.journal.adopt(10)).toEqual([]);
  await recordFinished(next, "c");
  expect(await idsOf(next)).toEqual(["c"]);
});

test("what cannot be read is told, and nothing else", async () => {
  const { file, open } = await openFile();
  const state = await open();
  for (const flowId of ["a", "b"]) await recordFinished(state, flowId);
  expect(await state.flows.verify()).toEqual([]);
  const other = new Libsql(file);
  other.prepare("UPDATE entry SET consequences = ? WHERE message_id = 'a-2'").run(["{broken"]);
  other.close();
  expect(await state.flows.verify()).toEqual([expect.stringMatching(/^flow a cannot be read: /)]);
});
