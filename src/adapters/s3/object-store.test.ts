import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createS3ObjectStore, type S3ObjectStoreOptions } from "./object-store.ts";

// Servers that misbehave as real ones do not on request. What real servers do is in the int tests.

const clock = { nowMs: () => 1_763_800_000_000, sleep: () => Promise.reject(new Error("never")) };
const access = {
  ...{ region: "eu-central-1", accessKey: "somebody", secretKey: "canary-secret" },
  ...{ bucket: "pictures", clock },
};
const png = { contentType: "image/png" };

type Handle = (asked: IncomingMessage, answer: ServerResponse) => void;

const listing = (keys: readonly string[], { isTruncated = false } = {}) =>
  `<ListBucketResult><IsTruncated>${isTruncated}</IsTruncated>${keys
    .map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`)
    .join("")}</ListBucketResult>`;

/** A server that answers the question whether the bucket is there, and leaves the rest to `handle`. */
async function serve(handle: Handle) {
  let asked = 0;
  const server = createServer((request, answer) => {
    if (request.url?.includes("max-keys=1&") || request.url?.endsWith("max-keys=1"))
      return asked === 0 ? answer.end(listing([])) : handle(request, answer);
    asked += 1;
    return handle(request, answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo; // it listens on a port
  return { endpoint: `http://127.0.0.1:${port}`, asked: () => asked, server };
}

/** However it closes: a client that gives up may reset its connection, which is an error to the server. */
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => void socket.once("close", () => resolve()));

async function open(handle: Handle, options: Partial<S3ObjectStoreOptions> = {}) {
  const served = await serve(handle);
  const store = await createS3ObjectStore({ ...access, endpoint: served.endpoint, ...options });
  onTestFinished(store.close);
  return { ...served, store };
}

const failing =
  (status: number, code: string): Handle =>
  (_, answer) => {
    answer.statusCode = status;
    answer.end(
      `<Error><Code>${code}</Code><Message>canary-message\u001b[31m</Message><StringToSign>canary-signed</StringToSign></Error>`,
    );
  };

describe("S3 object store", () => {
  test.each([
    [403, "AccessDenied", "E_ACCESS_REFUSED"],
    [403, "InvalidAccessKeyId", "E_ACCESS_REFUSED"],
    [403, "SignatureDoesNotMatch", "E_ACCESS_REFUSED"],
    [403, "RequestTimeTooSkewed", "E_ACCESS_REFUSED"],
    [404, "NoSuchBucket", "E_STATE_UNUSABLE"],
    [400, "AuthorizationHeaderMalformed", "E_STATE_UNUSABLE"],
    [301, "PermanentRedirect", "E_STATE_UNUSABLE"],
    [400, "KeyTooLongError", "E_OBJECT_KEY_INVALID"],
    [400, "ObjectParentIsFile", "E_OBJECT_KEY_INVALID"],
    [507, "XMinioStorageFull", "E_STATE_FULL"],
    [403, "QuotaExceeded", "E_STATE_FULL"],
    [418, "SomethingElse", "E_SERVICE_UNAVAILABLE"],
    [400, "\u001b[31m", "E_SERVICE_UNAVAILABLE"],
  ])("%i %s is %s at once, with a hint and without what was signed", async (status, code, ours) => {
    const { asked, store } = await open(failing(status, code));
    const error: unknown = await store.put("a", Buffer.from("x"), png).catch((thrown) => thrown);
    expect(error).toMatchObject({ code: ours, hint: expect.any(String) });
    expect(asked()).toBe(1);
    const text = `${(error as Error).stack} ${JSON.stringify(error)} ${String((error as Error).cause)}`;
    expect(text).not.toContain("canary");
    expect(text).not.toContain("\u001b");
  });

  test.each([500, 502, 503, 504, 429])("%i is tried three times", async (status) => {
    const warned = vi.spyOn(console, "warn");
    onTestFinished(() => warned.mockRestore());
    const { asked, store } = await open(failing(status, "SlowDown"));
    await expect(store.get("a")).rejects.toMatchObject({
      code: "E_SERVICE_UNAVAILABLE",
      message: expect.stringContaining(`${status}`),
    });
    expect(asked()).toBe(3);
    expect(warned).not.toHaveBeenCalled();
  });

  test("failed answers block no connection, however many there are", async () => {
    const { asked, store } = await open(failing(503, "SlowDown"));
    const gets = Array.from({ length: 100 }, () => store.get("a").catch(({ code }) => code));
    expect(new Set(await Promise.all(gets))).toEqual(new Set(["E_SERVICE_UNAVAILABLE"]));
    expect(asked()).toBe(300);
  });

  test("trouble that passes is not noticed", async () => {
    let trouble = 2;
    const { store } = await open((asked, answer) => {
      trouble -= 1;
      if (trouble === 1) asked.socket.destroy();
      else if (trouble === 0) failing(503, "SlowDown")(asked, answer);
      else answer.writeHead(200, { "content-type": "image/png", "content-length": 1 }).end("x");
    });
    expect(await store.get("a")).toEqual({
      ...{ key: "a", contentType: "image/png", sizeBytes: 1, bytes: new Uint8Array([120]) },
    });
  });

  test("a server that never answers is given up, and its request ended", async () => {
    const ended: Promise<unknown>[] = [];
    const { asked, store } = await open((request) => ended.push(closed(request.socket)), {
      timeoutMs: 100,
    });
    await expect(store.get("a")).rejects.toMatchObject({
      code: "E_SERVICE_UNAVAILABLE",
      message: expect.stringContaining("100 ms"),
    });
    expect(asked()).toBe(1);
    await Promise.all(ended);
  });

  test("a server that answers byte by byte is given up too", async () => {
    const ended: Promise<unknown>[] = [];
    const { store } = await open(
      (request, answer) => {
        answer.writeHead(200, { "content-length": 1000 }).write("x");
        const dripping = setInterval(() => answer.write("x"), 20);
        ended.push(closed(request.socket).then(() => clearInterval(dripping)));
      },
      { timeoutMs: 150 },
    );
    await expect(store.get("a")).rejects.toMatchObject({ code: "E_SERVICE_UNAVAILABLE" });
    await Promise.all(ended);
  });

  test.each([
    ["ends early", { "content-length": 10 }],
    ["does not say how long it is", {}],
  ])("a download that %s is no object", async (_, headers) => {
    const { store } = await open((_asked, answer) => {
      answer.writeHead(200, headers);
      answer.write("12345");
      setImmediate(() => ("content-length" in headers ? answer.destroy() : answer.end()));
    });
    await expect(store.get("a")).rejects.toMatchObject({
      code: "E_SERVICE_UNAVAILABLE",
      message: expect.stringContaining("broken"),
    });
  });

  test("a put whose answer was lost is found done", async () => {
    let puts = 0;
    const { store } = await open((asked, answer) => {
      asked.resume();
      if (asked.method === "GET")
        answer.writeHead(200, { "content-type": "image/png", "content-length": 1 }).end("x");
      else if (asked.method === "PUT" && puts++ === 0)
        asked.once("end", () => asked.socket.destroy());
      else failing(412, "PreconditionFailed")(asked, answer);
    });
    const stored = { key: "a", contentType: "image/png", sizeBytes: 1 };
    expect(await store.put("a", Buffer.from("x"), png)).toEqual(stored);
    expect(puts).toBe(2);
  });

  test("a put that meets a deletion tries again, and not for ever", async () => {
    const methods: (string | undefined)[] = [];
    const { store } = await open((asked, answer) => {
      methods.push(asked.method);
      const isPut = asked.method === "PUT";
      failing(isPut ? 409 : 404, isPut ? "ConditionalRequestConflict" : "NoSuchKey")(asked, answer);
    });
    await expect(store.put("a", Buffer.from("x"), png)).rejects.toMatchObject({
      code: "E_SERVICE_UNAVAILABLE",
    });
    expect(methods).toEqual(["PUT", "GET", "PUT", "GET", "PUT", "GET"]);
  });

  test("every put is conditional, and says its type", async () => {
    const headers: unknown[] = [];
    const { store } = await open((asked, answer) => {
      headers.push(asked.headers);
      answer.setHeader("etag", '"x"').end();
    });
    await store.put("a", Buffer.from("x"), png);
    expect(headers).toEqual([
      expect.objectContaining({ "if-none-match": "*", "content-type": "image/png" }),
    ]);
  });

  test("the caller may use its buffer again at once", async () => {
    const bodies: string[] = [];
    const { store } = await open((asked, answer) => {
      asked.on("data", (chunk) => bodies.push(String(chunk)));
      asked.on("end", () => answer.setHeader("etag", '"x"').end());
    });
    const buffer = Buffer.from("picture");
    const put = store.put("a", buffer, png);
    buffer.fill(0);
    await put;
    expect(bodies.join("")).toBe("picture");
  });

  test("a list that turns in a circle is given up", async () => {
    const { store } = await open((_, answer) => {
      answer.end(listing(["b", "a"], { isTruncated: true }));
    });
    await expect(store.list()).rejects.toMatchObject({ code: "E_SERVICE_UNAVAILABLE" });
  });

  test("a content type that no header can carry is not sent", async () => {
    const { asked, store } = await open((_, answer) => answer.end());
    const put = store.put("a", Buffer.from("x"), { contentType: "image/png\r\nx-amz-acl: public" });
    await expect(put).rejects.toMatchObject({ code: "E_USAGE" });
    expect(asked()).toBe(0);
  });

  test("a missing bucket is not created without permission", async () => {
    const methods: (string | undefined)[] = [];
    const served = await serve(() => {});
    served.server.removeAllListeners("request");
    served.server.on("request", (asked: IncomingMessage, answer: ServerResponse) => {
      methods.push(asked.method);
      failing(404, "NoSuchBucket")(asked, answer);
    });
    const opening = createS3ObjectStore({ ...access, endpoint: served.endpoint });
    await expect(opening).rejects.toMatchObject({ code: "E_STATE_UNUSABLE" });
    expect(methods).toEqual(["GET"]);
  });

  test("a bucket that somebody else of ours creates meanwhile is there", async () => {
    const methods: (string | undefined)[] = [];
    const served = await serve(() => {});
    served.server.removeAllListeners("request");
    served.server.on("request", (asked: IncomingMessage, answer: ServerResponse) => {
      methods.push(asked.method);
      if (asked.method === "GET") failing(404, "NoSuchBucket")(asked, answer);
      else failing(409, "BucketAlreadyOwnedByYou")(asked, answer);
    });
    const { endpoint } = served;
    const store = await createS3ObjectStore({ ...access, endpoint, createsBucket: true });
    store.close();
    expect(methods).toEqual(["GET", "PUT"]);
  });

  test.each([
    ["region", { region: "" }],
    ["accessKey", { accessKey: "" }],
    ["secretKey", { secretKey: "" }],
    ["endpoint", { endpoint: "127.0.0.1:9000" }],
    ["endpoint", { endpoint: "ftp://127.0.0.1" }],
    ["endpoint", { endpoint: "http://somebody:canary@127.0.0.1" }],
    ["publicBaseUrl", { publicBaseUrl: "http://127.0.0.1/below" }],
    ["publicBaseUrl", { publicBaseUrl: "http://127.0.0.1/?x=canary" }],
    ["bucket", { bucket: "Pictures" }],
    ["bucket", { bucket: "../other" }],
  ])("a wrong %s is a matter of configuration: %j", async (name, options) => {
    const opening = createS3ObjectStore({ ...access, endpoint: "http://127.0.0.1:1", ...options });
    const error: unknown = await opening.catch((thrown) => thrown);
    expect(error).toMatchObject({ code: "E_CONFIG", message: expect.stringContaining(name) });
    expect(String(error)).not.toContain("canary");
  });

  test("an access key is written as the signature wants it", async () => {
    const { store } = await open((_, answer) => answer.end(), { accessKey: "a b*~+/=(é)'!" });
    const request = { method: "GET", key: "a", contentType: "", expiresInSeconds: 1 } as const;
    expect(store.presign(request).url).toContain(
      "X-Amz-Credential=a%20b%2A~%2B%2F%3D%28%C3%A9%29%27%21%2F2025",
    );
  });

  test("presigning asks nobody", async () => {
    const { asked, store } = await open((_, answer) => answer.end(), {
      publicBaseUrl: "https://objects.example.com",
    });
    const request = { method: "PUT", key: "a/b.png", contentType: "image/png" } as const;
    expect(store.presign({ ...request, expiresInSeconds: 300 })).toEqual({
      expiresAt: "2025-11-22T08:31:40.000Z",
      url: expect.stringMatching(
        /^https:\/\/objects\.example\.com\/pictures\/a\/b\.png\?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=somebody%2F20251122%2Feu-central-1%2Fs3%2Faws4_request&X-Amz-Date=20251122T082640Z&X-Amz-Expires=300&X-Amz-SignedHeaders=content-type%3Bhost&X-Amz-Signature=[0-9a-f]{64}$/,
      ),
    });
    expect(asked()).toBe(0);
  });
});
