import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type { ObjectStore, PresignRequest } from "../../pipeline/ports/object-store.ts";

type Opened = { readonly store: ObjectStore; readonly close: () => Promise<void> };
/** `open` returns an empty store whose URLs begin with `http://127.0.0.1:9000` and expire by `clock`. */
type Open = (clock: Clock) => Promise<Opened>;

const startMs = 1_763_800_000_000;
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
const oddKeys = ["a", "a/b", "a/b/c", ".", "-", "CON", "a.", "A", "x".repeat(200), ".hidden/_x-1"];

/** Every ObjectStore adapter must pass this suite. */
export function objectStoreContract(open: Open): void {
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
    for (const one of oddKeys) await store.put(one, bytes(one), { contentType: "image/png" });
    for (const one of oddKeys) expect((await store.get(one))?.bytes).toEqual(bytes(one));
    expect(new Set((await store.list()).map((one) => one.key))).toEqual(new Set(oddKeys));
  });

  for (const invalid of invalidKeys)
    scenario(`${JSON.stringify(invalid).slice(0, 30)} is no key`, async (store) => {
      const put = store.put(invalid, bytes("x"), { contentType: "image/png" });
      await expect(put).rejects.toMatchObject({ code: "E_OBJECT_KEY_INVALID" });
      expect(await store.get(invalid)).toBeUndefined();
      expect(() => store.presign({ ...getRequest, key: invalid })).toThrow(
        expect.objectContaining({ code: "E_OBJECT_KEY_INVALID" }),
      );
    });

  describe("presigned URLs", () => presignContract(scenario, open));
}

const getRequest: PresignRequest = { method: "GET", key, contentType: "", expiresInSeconds: 300 };
const putRequest: PresignRequest = { ...getRequest, method: "PUT", contentType: "image/jpeg" };
const origin = "http://127.0.0.1:9000";

function presignContract(
  scenario: (name: string, run: (store: ObjectStore, clock: TestClock) => Promise<void>) => void,
  open: Open,
): void {
  const targetOf = (store: ObjectStore, request: PresignRequest) => {
    const { url } = store.presign(request);
    expect(url.startsWith(`${origin}/`)).toBe(true);
    return url.slice(origin.length);
  };
  const refused = (reason: string) => ({ allowed: false, reason });

  scenario("a URL opens its object to its method", async (store) => {
    for (const request of [getRequest, putRequest])
      expect(
        store.authorize({
          method: request.method,
          target: targetOf(store, request),
          contentType: request.contentType,
        }),
      ).toEqual({ allowed: true, key });
  });

  scenario("a URL survives being parsed as one", async (store) => {
    for (const request of [getRequest, putRequest]) {
      const { url } = store.presign(request);
      expect(new URL(url).href).toBe(url);
    }
  });

  scenario("a URL says when it ends, and ends then", async (store, clock) => {
    const { url, expiresAt } = store.presign(getRequest);
    expect(expiresAt).toBe(new Date(startMs + 300_000).toISOString());
    const request = { method: "GET", target: url.slice(origin.length), contentType: "" };
    clock.set(startMs + 299_999);
    expect(store.authorize(request).allowed).toBe(true);
    clock.set(startMs + 300_000);
    expect(store.authorize(request)).toEqual(refused("expired"));
  });

  scenario("another method, content type or key is refused", async (store) => {
    const [get, put] = [targetOf(store, getRequest), targetOf(store, putRequest)];
    const authorize = (method: string, target: string, contentType: string) =>
      store.authorize({ method, target, contentType });
    for (const method of ["PUT", "HEAD", "get", "DELETE", ""])
      expect(authorize(method, get, "")).toEqual(refused("signature"));
    for (const type of ["image/png", "", "IMAGE/JPEG", "image/jpeg; charset=utf-8"])
      expect(authorize("PUT", put, type)).toEqual(refused("signature"));
    expect(authorize("GET", put, "")).toEqual(refused("signature"));
    expect(authorize("GET", get.replace("a.jpg", "b.jpg"), "").allowed).toBe(
      !get.includes("a.jpg"),
    );
  });

  scenario("a content type is refused that the URL and the header agree on", async (store) => {
    const put = targetOf(store, putRequest);
    const other = put.replace("image%2Fjpeg", "image%2Fpng");
    expect(other).not.toBe(put);
    const request = { method: "PUT", target: other, contentType: "image/png" };
    expect(store.authorize(request)).toEqual(refused("signature"));
  });

  scenario("parameters that are missing, doubled, added or moved are refused", async (store) => {
    for (const request of [getRequest, putRequest]) {
      const [path, query = ""] = targetOf(store, request).split("?");
      const parameters = query.split("&");
      const changed = [
        ...parameters.map((one) => parameters.filter((other) => other !== one)),
        ...parameters.map((one) => [...parameters, one]),
        [...parameters].reverse(),
        [...parameters, "x=1"],
        ["x=1", ...parameters],
        [...parameters, ""],
        [],
      ];
      for (const one of changed) {
        const target = `${path}?${one.join("&")}`;
        const { method, contentType } = request;
        expect([target, store.authorize({ method, target, contentType }).allowed]).toEqual([
          target,
          false,
        ]);
      }
    }
  });

  scenario("the same written otherwise is refused", async (store) => {
    const target = targetOf(store, putRequest);
    const signature = /[0-9a-f]{64}$/.exec(target)?.[0] ?? "";
    const others = [
      target.replace("images/2025", "images%2F2025"),
      target.replace("/images/", "/./images/"),
      target.replace("/images/", "//images/"),
      target.replace("images", "%69mages"),
      target.replace("image%2Fjpeg", "image/jpeg"),
      target.replace("image%2Fjpeg", "image%2fjpeg"),
      target.replace("X-Tu-Expires=", "X-Tu-Expires=0"),
      target.replace("X-Tu-Expires", "x-tu-expires"),
      target.replace(signature, signature.toUpperCase()),
      `${origin}${target}`,
      `${target}#x`,
      `${target}\n`,
      ` ${target}`,
    ];
    for (const other of others) {
      expect(other).not.toBe(target);
      const request = { method: "PUT", target: other, contentType: "image/jpeg" };
      expect([other, store.authorize(request).allowed]).toEqual([other, false]);
    }
  });

  scenario("what looks like no URL of ours is malformed", async (store) => {
    for (const target of ["", "/", "/favicon.ico", "/trackunit-images/", "*", `/other/${key}`])
      expect(store.authorize({ method: "GET", target, contentType: "" })).toEqual(
        refused("malformed"),
      );
  });

  scenario("a lifetime beyond 1 to 3600 seconds is not signed", async (store) => {
    for (const expiresInSeconds of [1, 3600])
      expect(() => store.presign({ ...getRequest, expiresInSeconds })).not.toThrow();
    for (const expiresInSeconds of [0, -1, 3601, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => store.presign({ ...getRequest, expiresInSeconds })).toThrow(
        expect.objectContaining({ code: "E_USAGE" }),
      );
  });

  test("any single character changed, removed or added is refused", async () => {
    const { store, close } = await open(createTestClock());
    try {
      const change = fc.record({
        request: fc.constantFrom(getRequest, putRequest),
        at: fc.nat({ max: 1000 }),
        removed: fc.nat({ max: 1 }),
        added: fc.oneof(
          fc.constantFrom("", ..."0123456789abcdefABCDEF%/?&=.-_X#; \u0000"),
          fc.string({ minLength: 0, maxLength: 1, unit: "binary" }),
        ),
      });
      fc.assert(
        fc.property(change, ({ request, at, removed, added }) => {
          const target = targetOf(store, request);
          const place = at % (target.length + 1);
          const changed = target.slice(0, place) + added + target.slice(place + removed);
          fc.pre(changed !== target);
          const { method, contentType } = request;
          expect(store.authorize({ method, target: changed, contentType }).allowed).toBe(false);
        }),
        { numRuns: 5000 },
      );
    } finally {
      await close();
    }
  });
}

type TestClock = Clock & { set(ms: number): void };

function createTestClock(): TestClock {
  let nowMs = startMs;
  return {
    nowMs: () => nowMs,
    sleep: () => Promise.reject(new Error("nothing here sleeps")),
    set(ms) {
      nowMs = ms;
    },
  };
}
