import { describe, expect, inject, onTestFinished, test } from "vitest";
import type { PresignRequest } from "../../pipeline/ports/object-store.ts";
import { createS3ObjectStore, type S3ObjectStoreOptions } from "./object-store.ts";
import { ownBucket, type TestServer, testServers } from "./testing/servers.ts";
import { openWay } from "./testing/way.ts";

const servers = testServers(inject("servers"));
const key = "images/2025/11/22/01901234-5678-7abc-8def-0123456789ab.jpg";
const getRequest: PresignRequest = { method: "GET", key, contentType: "", expiresInSeconds: 300 };
const putRequest: PresignRequest = { ...getRequest, method: "PUT", contentType: "image/jpeg" };
const jpeg = { "content-type": "image/jpeg" };
/** Only refusals by signature, time, shape or method: not, say, a missing object. */
const refusals = [400, 401, 403, 405];

async function open(server: TestServer, options: Partial<S3ObjectStoreOptions> = {}) {
  const { bucket, remove } = ownBucket(server);
  onTestFinished(remove);
  const sleep = () => Promise.reject(new Error("never called"));
  const clock = { nowMs: () => Date.now(), sleep };
  const store = await createS3ObjectStore({
    ...{ ...server.access, bucket, clock, createsBucket: true, ...options },
  });
  onTestFinished(store.close);
  return store;
}

const put = (url: string, body: string, headers: Record<string, string> = jpeg) =>
  fetch(url, { method: "PUT", body: Buffer.from(body), headers });

describe.skipIf(servers.length === 0).each(servers)("presigned URLs of $name", (server) => {
  test("a client uploads and downloads without credentials", async () => {
    const store = await open(server);
    expect((await put(store.presign(putRequest).url, "picture")).status).toBe(200);
    expect(await store.stat(key)).toEqual({ key, contentType: "image/jpeg", sizeBytes: 7 });
    const response = await fetch(store.presign(getRequest).url);
    expect([response.status, await response.text()]).toEqual([200, "picture"]);
    expect(response.headers.get("content-type")).toBe("image/jpeg");
  });

  test("any content type that a header can carry is signed as it is sent", async () => {
    const store = await open(server);
    for (const contentType of ["image/svg+xml; charset=utf-8", 'image/x; a="b  c", d', "image/*"]) {
      const { url } = store.presign({ ...putRequest, contentType });
      const { status } = await put(url, "picture", { "content-type": contentType });
      expect([contentType, status]).toEqual([contentType, 200]);
    }
  });

  test("the content type is part of the signature of a PUT", async () => {
    const store = await open(server);
    const { url } = store.presign(putRequest);
    const others: Record<string, string>[] = [
      { "content-type": "image/png" },
      { "content-type": "IMAGE/JPEG" },
      { "content-type": "image/jpeg; charset=utf-8" },
      {},
    ];
    for (const headers of others)
      expect([headers, refusals.includes((await put(url, "x", headers)).status)]).toEqual([
        headers,
        true,
      ]);
    expect(await store.stat(key)).toBeUndefined();
  });

  test("another method or key is refused", async () => {
    const store = await open(server);
    await store.put(key, Buffer.from("picture"), { contentType: "image/jpeg" });
    await store.put("other.jpg", Buffer.from("other"), { contentType: "image/jpeg" });
    const [get, toPut] = [store.presign(getRequest).url, store.presign(putRequest).url];
    for (const method of ["PUT", "HEAD", "DELETE", "POST"])
      expect(refusals).toContain((await fetch(get, { method })).status);
    for (const method of ["GET", "HEAD", "DELETE"])
      expect(refusals).toContain((await fetch(toPut, { method, headers: jpeg })).status);
    expect(refusals).toContain((await fetch(get.replace(key, "other.jpg"))).status);
    expect(refusals).toContain((await put(toPut.replace(key, "new.jpg"), "x")).status);
    expect((await store.list()).map((one) => one.key)).toEqual([key, "other.jpg"]);
    expect((await store.stat(key))?.sizeBytes).toBe(7);
  });

  test("a changed, missing, doubled or added parameter is refused", async () => {
    const store = await open(server);
    await store.put(key, Buffer.from("picture"), { contentType: "image/jpeg" });
    for (const request of [getRequest, putRequest]) {
      const [path, query = ""] = store.presign(request).url.split("?");
      const parameters = query.split("&");
      expect(parameters.map((one) => one.split("=")[0])).toEqual(names);
      const without = (name: string) => parameters.filter((one) => !one.startsWith(`${name}=`));
      const changed = [
        ...names.map(without),
        ...parameters.map((one) => [...without(one.split("=")[0] ?? ""), changedLast(one)]),
        // Both servers read the first of two and ignore the second, which gives no more access.
        ...parameters.map((one) => [changedLast(one), ...parameters]),
        [...without("X-Amz-Expires"), "X-Amz-Expires=604800"],
        ...(request.method === "PUT"
          ? [[...without("X-Amz-SignedHeaders"), "X-Amz-SignedHeaders=host"]]
          : []),
        [...parameters, "x=1"],
        [...parameters, "response-content-type=text%2Fhtml"],
        [],
      ];
      for (const one of changed) {
        const url = `${path}?${one.join("&")}`;
        const { status } = request.method === "GET" ? await fetch(url) : await put(url, "x");
        expect([url, refusals.includes(status)]).toEqual([url, true]);
      }
    }
    expect(Buffer.from((await store.get(key))?.bytes ?? []).toString()).toBe("picture");
  });

  test("an expired URL is refused, one that is about to expire is not", async () => {
    const nowMs = Date.now();
    const agoMs = { past: 10_000, present: 4000 };
    const at = async (ms: number) => {
      const sleep = () => Promise.reject(new Error("never called"));
      const store = await open(server, { clock: { nowMs: () => nowMs - ms, sleep } });
      await store.put(key, Buffer.from("picture"), { contentType: "image/jpeg" });
      return store;
    };
    const [past, present] = [await at(agoMs.past), await at(agoMs.present)];
    const lives = { ...getRequest, expiresInSeconds: 5 };
    expect(refusals).toContain((await fetch(past.presign(lives).url)).status);
    const toPut = past.presign({ ...putRequest, expiresInSeconds: 5 });
    expect(refusals).toContain((await put(toPut.url, "x")).status);
    const longer = { ...getRequest, expiresInSeconds: 60 };
    expect((await fetch(present.presign(longer).url)).status).toBe(200);
  });

  test("a URL is signed for the host that clients reach, and for no other", async () => {
    const way = await openWay(server.address);
    onTestFinished(way.close);
    const store = await open(server, { publicBaseUrl: way.url });
    for (const request of [putRequest, getRequest]) {
      const { url } = store.presign(request);
      expect(url.startsWith(`${way.url}/`)).toBe(true);
      const send = (to: string) => (request.method === "GET" ? fetch(to) : put(to, "picture"));
      expect(refusals).toContain((await send(url.replace(way.url, server.access.endpoint))).status);
      expect((await send(url)).status).toBe(200);
    }
  });

  test("a client that uploads twice replaces its picture, unless it asks not to", async () => {
    const store = await open(server);
    const { url } = store.presign(putRequest);
    const once = { ...jpeg, "if-none-match": "*" };
    expect((await put(url, "first", once)).status).toBe(200);
    expect((await put(url, "second", once)).status).toBe(412);
    expect(Buffer.from((await store.get(key))?.bytes ?? []).toString()).toBe("first");
    expect((await put(url, "third")).status).toBe(200);
    expect(Buffer.from((await store.get(key))?.bytes ?? []).toString()).toBe("third");
  });
});

const names = [
  "X-Amz-Algorithm",
  "X-Amz-Credential",
  "X-Amz-Date",
  "X-Amz-Expires",
  "X-Amz-SignedHeaders",
  "X-Amz-Signature",
];

/** The parameter with another last character of its value. */
function changedLast(parameter: string): string {
  return `${parameter.slice(0, -1)}${parameter.endsWith("0") ? "1" : "0"}`;
}
