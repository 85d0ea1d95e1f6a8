import { expect, test } from "vitest";
import type { SeenFlow } from "../../pipeline/domain/seen-flow.ts";
import {
  anyFlow,
  type FlowStore,
  type Seen,
  type SeenPart,
} from "../../pipeline/ports/flow-store.ts";
import type { Hop } from "../../pipeline/ports/reporter.ts";

type Opened = { readonly store: FlowStore; readonly close: () => Promise<void> };

export const sampleSeenFlow = (values: Partial<SeenFlow> = {}): SeenFlow => ({
  ...{ flowId: "f1", flow: "full", status: "running" },
  ...{ objectKey: null, uploadId: null, picture: null },
  ...{ startedAtMs: 1_000, lastAtMs: 1_000, endedAtMs: null, last: null },
  ...{ attempts: 1, failure: null, machine: null, machineId: null, notices: 0, seenAt: [] },
  ...values,
});

const notice = (flowId: string, atMs: number, message = "m"): Seen => ({
  ...{ type: "notice", flowId, atMs, code: "parked", message },
});
const partAt = (flowId: string, atMs: number, values: Partial<SeenFlow> = {}): SeenPart => ({
  about: sampleSeenFlow({ flowId, startedAtMs: atMs, lastAtMs: atMs, ...values }),
  seen: [notice(flowId, atMs)],
});
const everything = { ...anyFlow, limit: 100 };
const idsOf = (flows: readonly SeenFlow[]) => flows.map(({ flowId }) => flowId);

/** Every FlowStore adapter must pass this suite. */
export function flowStoreContract(open: () => Promise<Opened>): void {
  const scenario = (name: string, run: (store: FlowStore) => Promise<void>) =>
    test(name, async () => {
      const { close, store } = await open();
      try {
        await run(store);
      } finally {
        await close();
      }
    });

  scenario("a new store has nothing", async (store) => {
    expect(await store.list(everything)).toEqual([]);
    expect(await store.count()).toEqual({ running: 0, completed: 0, failed: 0 });
    expect(await store.seenOf("f1")).toEqual([]);
    expect(await store.added({ after: await store.end(), sinceMs: 0, limit: 10 })).toEqual([]);
  });

  scenario(
    "parts of a flow add up, and everything seen is returned in order of time",
    async (store) => {
      await store.add([partAt("f1", 2_000, { objectKey: "images/a.jpg" })]);
      await store.add([partAt("f1", 1_000, { picture: "a.jpg" }), partAt("f2", 1_500)]);
      const [flow] = await store.find("f1", 10);
      expect(flow).toMatchObject({ startedAtMs: 1_000, lastAtMs: 2_000 });
      expect(flow).toMatchObject({ objectKey: "images/a.jpg", picture: "a.jpg" });
      expect(await store.seenOf("f1")).toEqual([notice("f1", 1_000), notice("f1", 2_000)]);
    },
  );

  scenario("what travelled comes back byte for byte, in any size", async (store) => {
    const body = String.fromCharCode(...Array.from({ length: 256 }, (_, at) => at)).repeat(40);
    const wire = {
      transport: "kafka",
      key: null,
      headers: [{ name: "a", value: null }],
      body,
    } as const;
    const hop: Hop = {
      ...{ flowId: "f1", name: "n", kind: "event", transport: "kafka", from: "a", to: "b" },
      ...{ atMs: 1_000, messageId: "m", causationId: null, note: null },
    };
    const one: Seen = {
      type: "hop",
      hop,
      travelled: {
        origin: "kafka:t/0/1",
        subject: "s",
        wire: { ...wire, headers: [...wire.headers] },
      },
    };
    await store.add([{ about: sampleSeenFlow(), seen: [one] }]);
    expect(await store.seenOf("f1")).toEqual([one]);
  });

  scenario("flows are listed from the latest on, in pages, by state and period", async (store) => {
    await store.add([
      partAt("f1", 1_000, { status: "completed", endedAtMs: 1_000 }),
      partAt("f2", 3_000, { status: "failed", endedAtMs: 3_000 }),
      ...["f3", "f4", "f5"].map((flowId) => partAt(flowId, 2_000)),
    ]);
    expect(idsOf(await store.list(everything))).toEqual(["f2", "f5", "f4", "f3", "f1"]);
    const page = await store.list({ ...everything, limit: 2 });
    const last = page.at(-1);
    if (last === undefined) throw new Error("a page of two");
    const next = await store.list({ ...everything, after: last });
    expect(idsOf(next)).toEqual(["f4", "f3", "f1"]);
    expect(idsOf(await store.list({ ...everything, statuses: ["failed"] }))).toEqual(["f2"]);
    const period = { sinceMs: 2_000, untilMs: 3_000 };
    expect(idsOf(await store.list({ ...everything, ...period }))).toEqual(["f5", "f4", "f3"]);
    expect(await store.count()).toEqual({ running: 3, completed: 1, failed: 1 });
  });

  scenario(
    "a flow is found by the beginning of its id, its object key and its upload id",
    async (store) => {
      await store.add([
        partAt("ab1", 1_000, { objectKey: "images/a.jpg", uploadId: "u1" }),
        partAt("ab2", 2_000),
        partAt("b%_", 3_000),
      ]);
      expect(idsOf(await store.find("ab", 10))).toEqual(["ab2", "ab1"]);
      expect(idsOf(await store.find("ab", 1))).toEqual(["ab2"]);
      expect(idsOf(await store.find("images/a.jpg", 10))).toEqual(["ab1"]);
      expect(idsOf(await store.find("u1", 10))).toEqual(["ab1"]);
      expect(idsOf(await store.find("b%", 10))).toEqual(["b%_"]);
      expect(idsOf(await store.find("%", 10))).toEqual([]);
    },
  );

  scenario("a reader goes on after the last place, and misses nothing", async (store) => {
    await store.add([partAt("f1", 1_000)]);
    const end = await store.end();
    await store.add([partAt("f1", 2_000), partAt("f2", 3_000)]);
    const fresh = await store.added({ after: end, sinceMs: 0, limit: 1 });
    expect(fresh.map(({ seen }) => seen)).toEqual([[notice("f1", 2_000)]]);
    const rest = await store.added({ after: fresh[0]?.place ?? 0, sinceMs: 0, limit: 10 });
    expect(rest.map(({ about }) => about.flowId)).toEqual(["f2"]);
    const recent = await store.added({ after: 0, sinceMs: 2_000, limit: 10 });
    expect(recent.map(({ about }) => about.lastAtMs)).toEqual([2_000, 3_000]);
  });

  scenario("places never come again", async (store) => {
    await store.add([partAt("f1", 1_000)]);
    const end = await store.end();
    await store.clear();
    expect(await store.list(everything)).toEqual([]);
    await store.add([partAt("f2", 1_000)]);
    expect(await store.added({ after: end, sinceMs: 0, limit: 10 })).toHaveLength(1);
  });

  scenario(
    "removed flows are gone, and those beyond an age or a number are pruned",
    async (store) => {
      await store.add(["f1", "f2", "f3", "f4"].map((id, at) => partAt(id, 1_000 * (at + 1))));
      await store.remove(["f4", "unknown"]);
      expect(await store.seenOf("f4")).toEqual([]);
      expect(await store.prune({ beforeMs: null, most: null })).toBe(0);
      expect(await store.prune({ beforeMs: 2_000, most: null })).toBe(1);
      expect(await store.prune({ beforeMs: null, most: 1 })).toBe(1);
      expect(idsOf(await store.list(everything))).toEqual(["f3"]);
      expect(await store.seenOf("f2")).toEqual([]);
    },
  );
}
