import fc from "fast-check";
import { expect, test } from "vitest";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type { EmbeddedObjectStore, PresignRequest } from "../../pipeline/ports/object-store.ts";
import { createTestClock, startMs, type TestClock } from "./test-clock.ts";

type Opened = { readonly store: EmbeddedObjectStore; readonly close: () => Promise<void> };
/** `open` returns a store whose URLs begin with `http://127.0.0.1:9000` and expire by `clock`. */
type Open = (clock: Clock) => Promise<Opened>;

const key = "images/2025/11/22/01901234-5678-7abc-8def-0123456789ab.jpg";
const getRequest: PresignRequest = { method: "GET", key, contentType: "", expiresInSeconds: 300 };
const putRequest: PresignRequest = { ...getRequest, method: "PUT", contentType: "image/jpeg" };
const origin = "http://127.0.0.1:9000";

/** A store that serves its URLs itself must pass this suite too. */
export function signedRequestsContract(open: Open): void {
  const scenario = (
    name: string,
    run: (store: EmbeddedObjectStore, clock: TestClock) => Promise<void>,
  ): void =>
    test(name, async () => {
      const clock = createTestClock();
      const { store, close } = await open(clock);
      try {
        await run(store, clock);
      } finally {
        await close();
      }
    });
  const targetOf = (store: EmbeddedObjectStore, request: PresignRequest) => {
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

  scenario("any single character changed, removed or added is refused", async (store) => {
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
  });
}
