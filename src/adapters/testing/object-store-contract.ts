import { describe, expect, test } from "vitest";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type { ObjectStore, PresignRequest } from "../../pipeline/ports/object-store.ts";
import { createTestClock, startMs, type TestClock } from "./test-clock.ts";

type Opened = { readonly store: ObjectStore; readonly close: () => Promise<void> };
/** `open` returns an empty store whose URLs begin with `http://127.0.0.1:9000` and expire by `clock`. */
type Open = (clock: Clock) => Promise<Opened>;

const key = "images/2025/11/22/01901234-5678-7abc-8def-0123456789ab.jpg";
const bytes = (text: string) => new Uint8Array(Buffer.from(text));

const invalidKeys = [
  "",
  "/a",
  "a/",
  "a//b",
  "../a",
  "a/../b",
  "a..b",
  "a b",
  "a\u0000b",
  "a\nb",
  "a\n",
  "å",
  "a?b",
  "a%2Fb",
  "a\\b",
  "C:",
  "x".repeat(201),
];
const oddKeys = [
  "a",
  "-",
  "CON",
  "a.",
  "A",
  "b",
  "007",
  "0x10",
  "7",
  "1e5",
  "true",
  ".hidden/_x-1",
];
const longKeys = ["x".repeat(200), `${"deep/".repeat(39)}long`];
const dottedKeys = [".", "./b", "b/.", "c/./d"];
const nestedKeys = ["a/b", "a/b/c"];

/** What the names of object storage do not allow. */
type Limits = {
  /** A key with a part that is a single dot is refused. */
  readonly refusesDots?: boolean;
  /** Whether `a/b` is a key beside `a` is not asked. */
  readonly maySkipNested?: boolean;
};

/** Every ObjectStore adapter must pass this suite. */
export function objectStoreContract(open: Open, limits: Limits = {}): void {
  const world = async (run: (store: ObjectStore, clock: TestClock) => Promise<void>) => {
    const clock = createTestClock();
    const { store, close } = await open(clock);
    try {
      await run(store, clock);
    } finally {
      await close();
    }
  };
  const scenario = (
    name: string,
    run: (store: ObjectStore, clock: TestClock) => Promise<void>,
  ): void => test(name, () => world(run));

  scenario("nothing is found that was never put", async (store) => {
    expect(await store.get(key)).toBeUndefined();
    expect(await store.stat(key)).toBeUndefined();
    expect(await store.list()).toEqual([]);
    await store.delete(key);
  });

  scenario("an object is read back as it was put, byte for byte", async (store) => {
    const picture = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 31) % 256);
    const stored = { key, contentType: "image/jpeg", sizeBytes: 70_000 };
    expect(await store.put(key, picture, { contentType: "image/jpeg" })).toEqual(stored);
    const wanted = Buffer.from(picture);
    picture.fill(0);
    const { bytes: got, ...described } = (await store.get(key)) ?? { bytes: bytes("") };
    expect(described).toEqual(stored);
    expect(Buffer.from(got).equals(wanted)).toBe(true);
    expect(await store.stat(key)).toEqual(stored);
  });

  scenario("an object may be empty", async (store) => {
    await store.put("empty", bytes(""), { contentType: "image/png" });
    expect((await store.get("empty"))?.bytes.length).toBe(0);
  });

  scenario("an object never changes, and the same bytes again are accepted", async (store) => {
    const first = { key, contentType: "image/jpeg", sizeBytes: 5 };
    expect(await store.put(key, bytes("first"), { contentType: "image/jpeg" })).toEqual(first);
    for (const other of ["second", "", "First"]) {
      const put = store.put(key, bytes(other), { contentType: "image/jpeg" });
      await expect(put).rejects.toMatchObject({ code: "E_OBJECT_EXISTS" });
    }
    expect(await store.put(key, bytes("first"), { contentType: "image/png" })).toEqual(first);
    expect(await store.get(key)).toEqual({ ...first, bytes: bytes("first") });
    await store.delete(key);
    await store.put(key, bytes("second"), { contentType: "image/png" });
    expect((await store.get(key))?.bytes).toEqual(bytes("second"));
  });

  scenario("of puts at once the first wins as a whole, no reader sees a mixture", async (store) => {
    const sizes = Array.from({ length: 12 }, (_, index) => 1000 * (index + 1));
    const puts = sizes.map((size) =>
      store.put(key, new Uint8Array(size).fill(size / 1000), { contentType: `image/x-${size}` }),
    );
    const reads = sizes.map(() => store.get(key));
    const outcomes = await Promise.allSettled(puts);
    expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBe(1);
    for (const one of [...(await Promise.all(reads)), await store.get(key)]) {
      if (one === undefined) continue;
      expect(one.contentType).toBe(`image/x-${one.sizeBytes}`);
      expect(one.bytes.every((byte) => byte === one.sizeBytes / 1000)).toBe(true);
    }
    expect(await store.get(key)).toBeDefined();
  });

  scenario("equal bytes under two keys go with the last of them", async (store) => {
    const keys = ["a", "b", "c"];
    const image = { contentType: "image/png" };
    await Promise.all(keys.map((one) => store.put(one, bytes("same"), image)));
    for (const gone of ["a", "b"]) {
      await store.delete(gone);
      expect(await store.get(gone)).toBeUndefined();
      expect((await store.get("c"))?.bytes).toEqual(bytes("same"));
    }
    await store.delete("c");
    await store.put("d", bytes("same"), image);
    expect((await store.list()).map((one) => one.key)).toEqual(["d"]);
  });

  scenario("a deleted object is gone, its neighbours are not", async (store) => {
    for (const one of ["a", "b"]) await store.put(one, bytes(one), { contentType: "image/png" });
    await store.delete("a");
    expect(await store.get("a")).toBeUndefined();
    expect((await store.list()).map((one) => one.key)).toEqual(["b"]);
  });

  scenario("every valid key is a place of its own", async (store) => {
    const keys = [
      ...oddKeys,
      ...longKeys,
      ...(limits.refusesDots ? [] : dottedKeys),
      ...(limits.maySkipNested ? [] : nestedKeys),
    ];
    for (const one of keys) await store.put(one, bytes(one), { contentType: "image/png" });
    for (const one of keys) expect((await store.get(one))?.bytes).toEqual(bytes(one));
    expect((await store.list()).map((one) => one.key)).toEqual([...keys].sort());
  });

  for (const invalid of [...invalidKeys, ...(limits.refusesDots ? dottedKeys : [])])
    scenario(`${JSON.stringify(invalid).slice(0, 30)} is no key`, async (store) => {
      const put = store.put(invalid, bytes("x"), { contentType: "image/png" });
      await expect(put).rejects.toMatchObject({ code: "E_OBJECT_KEY_INVALID" });
      await store.put("b", bytes("its neighbour"), { contentType: "image/png" });
      expect(await store.get(invalid)).toBeUndefined();
      expect(await store.stat(invalid)).toBeUndefined();
      await store.delete(invalid);
      expect((await store.list()).map((one) => one.key)).toEqual(["b"]);
      expect(() => store.presign({ ...getRequest, key: invalid })).toThrow(
        expect.objectContaining({ code: "E_OBJECT_KEY_INVALID" }),
      );
    });

  describe("presigned URLs", () => presignContract(scenario));
}

const getRequest: PresignRequest = { method: "GET", key, contentType: "", expiresInSeconds: 300 };
const putRequest: PresignRequest = { ...getRequest, method: "PUT", contentType: "image/jpeg" };

function presignContract(
  scenario: (name: string, run: (store: ObjectStore, clock: TestClock) => Promise<void>) => void,
): void {
  scenario("a URL leads to its origin, names its key and says when it ends", async (store) => {
    for (const request of [getRequest, putRequest]) {
      const { expiresAt, url } = store.presign(request);
      expect(url.startsWith("http://127.0.0.1:9000/")).toBe(true);
      expect(new URL(url).pathname.endsWith(`/${key}`)).toBe(true);
      expect(expiresAt).toBe(new Date(startMs + 300_000).toISOString());
    }
  });

  scenario("a URL never ends earlier than requested", async (store, clock) => {
    clock.set(startMs + 1);
    expect(store.presign(getRequest).expiresAt).toBe(new Date(startMs + 301_000).toISOString());
  });

  scenario("a URL survives being parsed as one", async (store) => {
    for (const request of [getRequest, putRequest]) {
      const { url } = store.presign(request);
      expect(new URL(url).href).toBe(url);
    }
  });

  scenario("a lifetime beyond 1 to 3600 seconds is not signed", async (store) => {
    for (const expiresInSeconds of [1, 3600])
      expect(() => store.presign({ ...getRequest, expiresInSeconds })).not.toThrow();
    for (const expiresInSeconds of [0, -1, 3601, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => store.presign({ ...getRequest, expiresInSeconds })).toThrow(
        expect.objectContaining({ code: "E_USAGE" }),
      );
  });

  scenario("a content type that no header can carry is not signed", async (store) => {
    for (const contentType of ["", " image/png", "image/png\r\nx: y", "imagé/png"])
      expect(() => store.presign({ ...putRequest, contentType })).toThrow(
        expect.objectContaining({ code: "E_USAGE" }),
      );
  });
}
