import { createHash } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { createSystemClock } from "../../adapters/memory/clock.ts";
import { createRandomIds, md5, sha256 } from "../../adapters/memory/ids.ts";
import { createMemoryJournal } from "../../adapters/memory/journal.ts";
import { createMemoryObjectStore } from "../../adapters/memory/object-store.ts";
import { createMemoryUploads } from "../../adapters/memory/uploads.ts";
import { createUrlSigner } from "../../adapters/signing/url-signer.ts";
import type { FlowName } from "../contracts/contract.ts";
import { believing, idleTimers, takingRelay } from "../delivery/shell.samples.ts";
import { TuError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Endpoint } from "../ports/endpoint.ts";
import type { HttpClient } from "../ports/http-client.ts";
import type { EmbeddedObjectStore } from "../ports/object-store.ts";
import { createIngestion } from "./ingestion.ts";
import { createMediaAccess } from "./media-access.ts";
import { createObjectStoreEndpoints } from "./object-store.ts";
import { createStorage } from "./storage.ts";

// The HTTP edges as specified by the real services' contracts, called without a network.

const clock = createSystemClock();
const ids = createRandomIds(clock);
const internalToken = "token";
const hosts = new Map<string, readonly Endpoint[]>();
let sent: Message[] = [];
let notices: string[] = [];
let objects: EmbeddedObjectStore;

/** How often the object store has no answer. */
let storeIsAway = 0;
const http: HttpClient = {
  async send({ body, headers, method, url }) {
    if (url.startsWith("http://objects") && storeIsAway > 0) {
      storeIsAway -= 1;
      throw new TuError("E_SERVICE_UNAVAILABLE", "nobody listens");
    }
    const { host, pathname, search } = new URL(url);
    return call(host, method, `${pathname}${search}`, body ?? "", headers);
  },
};

async function call(
  host: string,
  method: string,
  target: string,
  body: unknown = "",
  headers: Readonly<Record<string, string>> = {},
) {
  const path = target.split("?")[0];
  const endpoint = hosts
    .get(host)
    ?.find((one) => one.method === method && (one.path === path || one.path === "/*"));
  if (endpoint === undefined) throw new Error(`no ${method} ${host}${target}`);
  const text = typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body);
  const reply = await endpoint.handle({
    method,
    target,
    headers,
    body: typeof text === "string" ? new TextEncoder().encode(text) : text,
  });
  const bytes =
    reply.body instanceof Uint8Array
      ? reply.body
      : new TextEncoder().encode(
          typeof reply.body === "string" ? reply.body : JSON.stringify(reply.body),
        );
  return { status: reply.status, headers: reply.headers ?? {}, body: bytes };
}
const jsonOf = ({ body }: { body: Uint8Array }) =>
  JSON.parse(new TextDecoder().decode(body)) as Record<string, unknown>;
const textOf = ({ body }: { body: Uint8Array }) => new TextDecoder().decode(body);

beforeEach(() => {
  sent = [];
  notices = [];
  storeIsAway = 0;
  const signer = createUrlSigner({ baseUrl: () => "http://objects", secret: "secret", clock });
  objects = createMemoryObjectStore({ signer });
  const storageUrl = () => "http://storage";
  hosts.set("objects", createObjectStoreEndpoints(objects, md5));
  hosts.set("storage", createStorage({ objects, internalToken }).endpoints);
  const media = (callerToken: string | null) =>
    createMediaAccess({ http, storageUrl, internalToken, callerToken }).endpoints;
  hosts.set("media", media(internalToken));
  hosts.set("open-media", media(null));
  serveIngestion("full");
});

function serveIngestion(flow: FlowName): void {
  const storageUrl = () => "http://storage";
  hosts.set(
    "ingestion",
    createIngestion({
      flow,
      shell: {
        journal: createMemoryJournal(),
        timers: idleTimers,
        clock,
        ids,
        reporter: {
          hop: () => undefined,
          notice: ({ code, message }) => void notices.push(`${code}: ${message}`),
        },
        handsOnEarly: false,
        links: believing,
        relay: takingRelay((messages) => void sent.push(...messages)),
      },
      uploads: createMemoryUploads(),
      http,
      digest: sha256,
      storageUrl,
      internalToken,
    }).endpoints,
  );
}

const picture = new TextEncoder().encode("picture");
const checksum = `sha256:${sha256(picture)}`;
const correlation = { "x-correlation-id": "flow-1" };
async function stored(bytes = picture) {
  const started = jsonOf(
    await call(
      "ingestion",
      "POST",
      "/v1/uploads/start",
      { filename: "Digger.PNG", contentType: "image/png" },
      correlation,
    ),
  );
  const { pathname, search } = new URL(String(started["putUrl"]));
  const put = await call("objects", "PUT", `${pathname}${search}`, bytes, {
    "content-type": "image/png",
  });
  expect(put.status).toBe(200);
  return { uploadId: String(started["uploadId"]), key: String(started["key"]) };
}
const confirm = (body: unknown) =>
  call("ingestion", "POST", "/v1/uploads/confirm", body, correlation);

describe("ingestion", () => {
  test("start answers id, key, URL and expiry, and echoes the correlation id", async () => {
    const body = { filename: "Digger.PNG", contentType: "IMAGE/PNG" };
    const reply = await call("ingestion", "POST", "/v1/uploads/start", body, correlation);
    expect(reply.status).toBe(200);
    expect(reply.headers["x-correlation-id"]).toBe("flow-1");
    const { expiresAt, key, uploadId } = jsonOf(reply);
    expect(key).toMatch(/^images\/\d{4}\/\d\d\/\d\d\/[0-9a-f-]{36}\.png$/);
    expect(uploadId).toMatch(/^[0-9a-f-]{36}$/);
    const seconds = (Date.parse(String(expiresAt)) - clock.nowMs()) / 1000;
    expect(seconds).toBeGreaterThan(290);
    expect(seconds).toBeLessThanOrEqual(301);
  });
  test("without a correlation id it makes one of 32 hex digits", async () => {
    const body = { filename: "a.png", contentType: "image/png" };
    const { headers } = await call("ingestion", "POST", "/v1/uploads/start", body);
    expect(headers["x-correlation-id"]).toMatch(/^[0-9a-f]{32}$/);
  });
  test("all failing fields together are 422, before the look-up", async () => {
    const start = await call("ingestion", "POST", "/v1/uploads/start", {
      filename: " ",
      contentType: "image/gif",
    });
    expect([start.status, jsonOf(start)]).toEqual([
      422,
      {
        errors: { filename: ["Filename cannot be empty"], contentType: ["Unsupported MIME type"] },
      },
    ]);
    const unknown = await confirm({ uploadId: ids.create(), bytes: 0, checksum: "md5:x" });
    expect([unknown.status, jsonOf(unknown)]).toEqual([
      422,
      {
        errors: {
          bytes: ["Must be greater than zero"],
          checksum: ["Invalid checksum format (expected sha256:<64 hex>)"],
        },
      },
    ]);
  });
  test("an unknown upload is 404, malformed input 400", async () => {
    const uploadId = ids.create();
    const unknown = await confirm({ UPLOADID: uploadId.toUpperCase(), bytes: "7", checksum });
    expect([unknown.status, jsonOf(unknown)]).toEqual([
      404,
      {
        ...{ type: "about:blank", title: "upload not found", status: 404 },
        detail: `No upload session found for ID ${uploadId}.`,
      },
    ]);
    expect((await confirm({ bytes: 7, checksum })).status).toBe(404);
    expect((await confirm({ checksum })).status).toBe(422);
    expect((await confirm("{")).status).toBe(400);
    expect((await confirm({ uploadId: "x", bytes: 1, checksum })).status).toBe(400);
    expect((await confirm({ uploadId: ids.create(), bytes: 7 })).status).toBe(400);
  });
  test("confirm announces the upload once, however often it is repeated", async () => {
    const { key, uploadId } = await stored();
    for (let time = 0; time < 3; time += 1) {
      const reply = await confirm({
        uploadId,
        bytes: 7,
        checksum: checksum.toUpperCase().replace("SHA256", "sha256"),
      });
      expect([reply.status, jsonOf(reply)]).toEqual([202, { status: "Accepted" }]);
    }
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
    expect(sent[0]).toMatchObject({
      name: "tu.images.uploaded",
      flowId: "flow-1",
      subject: key,
      payload: { uploadId, objectKey: key, contentType: "image/png", bytes: 7 },
    });
  });
  const untrue = { bytes: 1234, checksum: `sha256:${"a".repeat(64)}` };
  test("in flow full a claim that does not match the object is refused and announces nothing", async () => {
    const { uploadId } = await stored();
    const wrong = await confirm({ uploadId, ...untrue });
    expect([wrong.status, jsonOf(wrong)]).toEqual([
      422,
      {
        errors: {
          bytes: ["Does not match the stored object (7 bytes)"],
          checksum: ["Does not match the stored object"],
        },
      },
    ]);
    const wrongSum = await confirm({ ...untrue, uploadId, bytes: 7 });
    expect(jsonOf(wrongSum)).toEqual({
      errors: { checksum: ["Does not match the stored object"] },
    });
    expect(sent).toEqual([]);
  });
  test("in flow current it is accepted, and the event describes the stored object", async () => {
    serveIngestion("current");
    const { key, uploadId } = await stored();
    const reply = await confirm({ uploadId, ...untrue });
    expect([reply.status, jsonOf(reply)]).toEqual([202, { status: "Accepted" }]);
    expect(reply.headers).toEqual({
      "x-claim-mismatch": "bytes, checksum",
      "x-correlation-id": "flow-1",
    });
    expect(sent).toMatchObject([{ payload: { uploadId, objectKey: key, bytes: 7, checksum } }]);
    expect(notices).toEqual([
      `claim-mismatch: the claim for ${key} does not match the stored object (bytes, checksum); the event describes the stored object`,
    ]);
    const wrongSize = await confirm({ uploadId, bytes: 8, checksum });
    expect(wrongSize.headers["x-claim-mismatch"]).toBe("bytes");
    const right = await confirm({ uploadId, bytes: 7, checksum });
    expect([right.status, right.headers["x-claim-mismatch"]]).toEqual([202, undefined]);
    expect(new Set(sent.map(({ id }) => id)).size).toBe(1);
  });
  test("an upload without an object is refused", async () => {
    const body = { filename: "a.png", contentType: "image/png" };
    const { uploadId } = jsonOf(await call("ingestion", "POST", "/v1/uploads/start", body));
    expect((await confirm({ uploadId, bytes: 7, checksum })).status).toBe(422);
  });
  test("an object store that is away for a while does not refuse a confirm", async () => {
    const { uploadId } = await stored();
    storeIsAway = 2;
    expect((await confirm({ uploadId, bytes: 7, checksum })).status).toBe(202);
    expect([storeIsAway, sent.length]).toEqual([0, 1]);
  });
  test("probes answer", async () => {
    expect(textOf(await call("ingestion", "GET", "/health"))).toBe("Healthy");
    expect(jsonOf(await call("ingestion", "GET", "/"))).toEqual({
      service: "Ingestion.Api",
      status: "ok",
    });
  });
});

describe("storage", () => {
  const token = { "x-internal-token": internalToken };
  const presign = (body: unknown, headers: Record<string, string> = token) =>
    call("storage", "POST", "/internal/v1/storage/presign-put", body, headers);

  test("every request needs the internal token, probes too", async () => {
    const missing = await call("storage", "GET", "/health");
    expect([missing.status, textOf(missing)]).toEqual([401, "Missing internal token"]);
    const wrong = await call("storage", "GET", "/health", "", { "x-internal-token": "no" });
    expect([wrong.status, textOf(wrong)]).toEqual([401, "Invalid internal token"]);
    expect(textOf(await call("storage", "GET", "/health", "", token))).toBe("Healthy");
  });
  test.each([
    [
      { key: " ", contentType: "", ttlSec: 0 },
      { key: ["Required"], contentType: ["Required"], ttlSec: ["Range1To3600"] },
    ],
    [{ key: "a".repeat(201), contentType: "image/png", ttlSec: 1 }, { key: ["MaxLengthExceeded"] }],
    [{ key: "/a", contentType: "image/png", ttlSec: 1 }, { key: ["InvalidPathShape"] }],
    [{ key: "a/../b", contentType: "image/png", ttlSec: 1 }, { key: ["InvalidPathTraversal"] }],
    [
      { key: "a b", contentType: "text/plain", ttlSec: 3601 },
      {
        key: ["InvalidCharacterSet"],
        contentType: ["MustStartWithImageSlash"],
        ttlSec: ["Range1To3600"],
      },
    ],
    [
      { key: "a", contentType: "image/\u{1f69c}" },
      { contentType: ["MustStartWithImageSlash"], ttlSec: ["Range1To3600"] },
    ],
  ])("%j is 422", async (body, errors) => {
    const reply = await presign(body);
    expect([reply.status, jsonOf(reply)]).toEqual([422, { errors }]);
  });
  test.each([["image/"], ["image/png; q=1"], [" IMAGE/X-Own "]])(
    "an object can be put as %j",
    async (contentType) => {
      const reply = await presign({
        Key: " images/a.png ",
        CONTENTTYPE: contentType,
        ttlSec: "60",
      });
      expect(reply.status).toBe(200);
      const { pathname, search } = new URL(String(jsonOf(reply)["url"]));
      const headers = { "content-type": contentType.trim() };
      const put = await call("objects", "PUT", `${pathname}${search}`, picture, headers);
      expect(put.status).toBe(200);
      expect((await objects.stat("images/a.png"))?.contentType).toBe(
        contentType.trim().toLowerCase(),
      );
    },
  );
  test("a malformed request is 400", async () => {
    for (const body of ["", "{", "[]", { key: null, contentType: "image/png", ttlSec: 1 }])
      expect((await presign(body)).status).toBe(400);
  });
});

describe("media access and the object store", () => {
  const getUrl = "/internal/v0/media/get-url";
  const token = { "x-internal-token": "token" };
  test("hand out a URL that gives the object, and 404 for one that is not there", async () => {
    const { key } = await stored();
    const get = async (objectKey: string) => {
      const reply = await call("media", "POST", getUrl, { objectKey }, token);
      const { pathname, search } = new URL(String(jsonOf(reply)["url"]));
      return call("objects", "GET", `${pathname}${search}`);
    };
    expect(textOf(await get(key))).toBe("picture");
    expect((await get("images/none.png")).status).toBe(404);
  });
  test("a blank key is 422, as is one that storage refuses; a malformed request is 400", async () => {
    const ask = (body: unknown) => call("media", "POST", getUrl, body, token);
    const blank = await ask({ OBJECTKEY: " " });
    expect([blank.status, jsonOf(blank)]).toEqual([422, { errors: { objectKey: ["Required"] } }]);
    expect((await ask({ objectKey: "a b" })).status).toBe(422);
    for (const body of ["{", {}, { objectKey: null }]) expect((await ask(body)).status).toBe(400);
  });
  async function signed(): Promise<string> {
    const { key } = await stored();
    const wanted = { method: "GET", key, contentType: "", expiresInSeconds: 60 } as const;
    const { pathname, search } = new URL(objects.presign(wanted).url);
    return `${pathname}${search}`;
  }
  const etag = '"5456fc54c74a297ce994998c2873b370"';
  test.each([
    [{}, 200, "picture", { etag, "accept-ranges": "bytes", "content-type": "image/png" }],
    [{ range: "bytes=1-2" }, 206, "ic", { "content-range": "bytes 1-2/7", etag }],
    [{ range: "bytes=5-" }, 206, "re", { "content-range": "bytes 5-6/7" }],
    [{ range: "bytes=-3" }, 206, "ure", { "content-range": "bytes 4-6/7" }],
    [{ range: "bytes=-30" }, 206, "picture", { "content-range": "bytes 0-6/7" }],
    [{ range: "bytes=6-99" }, 206, "e", { "content-range": "bytes 6-6/7" }],
    [{ range: "bytes=0-1,3-4" }, 200, "picture", {}],
    [{ range: "bytes=2-1" }, 200, "picture", {}],
    [{ range: "bytes=7-" }, 416, "InvalidRange", { "content-range": "bytes */7" }],
    [{ range: "bytes=-0" }, 416, "InvalidRange", { "content-range": "bytes */7" }],
    [{ "if-none-match": `W/${etag}` }, 304, "", { etag }],
    [{ "if-none-match": '"other"' }, 200, "picture", {}],
    [{ "if-match": '"other"' }, 412, "PreconditionFailed", {}],
    [{ "if-match": `"other", ${etag}` }, 200, "picture", {}],
  ])("a GET with %j is %i", async (asked, status, body, headers) => {
    const reply = await call("objects", "GET", await signed(), "", asked);
    expect(reply.status).toBe(status);
    expect(reply.headers).toMatchObject(headers);
    if (status < 400) expect(textOf(reply)).toBe(body);
    else expect(textOf(reply)).toContain(`<Code>${body}</Code><Message>`);
  });
  test("a PUT answers its ETag, and one of unknown length is 411", async () => {
    const wanted = {
      method: "PUT",
      key: "a",
      contentType: "image/png",
      expiresInSeconds: 9,
    } as const;
    const { pathname, search } = new URL(objects.presign(wanted).url);
    const put = (more: Record<string, string>) =>
      call("objects", "PUT", `${pathname}${search}`, picture, {
        "content-type": "image/png",
        ...more,
      });
    expect((await put({ "transfer-encoding": "chunked" })).status).toBe(411);
    expect((await put({ "content-length": "7" })).headers["etag"]).toBe(etag);
    const digestOf = (text: string) => createHash("md5").update(text).digest("base64");
    const digests = [digestOf("other"), "not base64 of 16 bytes", digestOf("picture")];
    const answers = await Promise.all(digests.map((digest) => put({ "content-md5": digest })));
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 200]);
    expect(answers.map(textOf).join()).toMatch(/<Code>BadDigest<.*<Code>InvalidDigest</s);
    const other = await call("objects", "GET", "/trackunit-images/<&?x", "");
    expect(textOf(other)).toContain("<Resource>/trackunit-images/&#60;&#38;</Resource>");
  });
  test("media access requires the token, and answers probes", async () => {
    const missing = await call("media", "POST", getUrl, { objectKey: "images/a.png" });
    expect([missing.status, textOf(missing)]).toEqual([401, "Missing internal token"]);
    const wrong = { "x-internal-token": "no" };
    const refused = await call("media", "POST", getUrl, { objectKey: "images/a.png" }, wrong);
    expect([refused.status, textOf(refused)]).toEqual([401, "Invalid internal token"]);
    expect((await call("media", "GET", "/health")).status).toBe(200);
  });
  test("among deployed services media access requires no token, where either of their callers asks", async () => {
    const { key } = await stored();
    for (const path of [getUrl, "/get-url"]) {
      const reply = await call("open-media", "POST", path, { objectKey: key });
      expect([reply.status, Object.keys(jsonOf(reply))]).toEqual([200, ["url", "expiresAt"]]);
    }
  });
  test("a content type other than the signed one is refused", async () => {
    const { url } = objects.presign({
      method: "PUT",
      key: "images/a.png",
      contentType: "image/png",
      expiresInSeconds: 60,
    });
    const { pathname, search } = new URL(url);
    const put = (contentType: string) =>
      call("objects", "PUT", `${pathname}${search}`, picture, { "content-type": contentType });
    expect((await put("image/jpeg")).status).toBe(403);
    expect(await objects.stat("images/a.png")).toBeUndefined();
    expect((await put("image/png")).status).toBe(200);
  });
  test("stored objects are immutable: other bytes are refused, the same are accepted", async () => {
    const { url } = objects.presign({
      method: "PUT",
      key: "images/a.png",
      contentType: "image/png",
      expiresInSeconds: 60,
    });
    const { pathname, search } = new URL(url);
    const put = (text: string) =>
      call("objects", "PUT", `${pathname}${search}`, text, { "content-type": "image/png" });
    expect([(await put("one")).status, (await put("one")).status]).toEqual([200, 200]);
    const refused = await put("two");
    expect([refused.status, textOf(refused)]).toEqual([
      412,
      expect.stringContaining("<Code>PreconditionFailed</Code>"),
    ]);
    expect((await objects.get("images/a.png"))?.sizeBytes).toBe(3);
  });
});
