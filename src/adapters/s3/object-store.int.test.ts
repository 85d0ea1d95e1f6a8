import { afterEach, describe, expect, inject, onTestFinished, test, vi } from "vitest";
import { openServers } from "../../../scripts/services/open-servers.ts";
import { objectStoreContract } from "../testing/object-store-contract.ts";
import { createS3ObjectStore, type S3ObjectStoreOptions } from "./object-store.ts";
import { ownBucket, type TestServer, testServers } from "./testing/servers.ts";
import { openWay } from "./testing/way.ts";

const servers = testServers(inject("servers"));
const png = { contentType: "image/png" };
const clock = { nowMs: () => Date.now(), sleep: () => Promise.reject(new Error("never called")) };

/** A store in a bucket of its own, removed after the test. */
async function open(server: TestServer, options: Partial<S3ObjectStoreOptions> = {}) {
  const { bucket, client, remove } = ownBucket(server);
  onTestFinished(remove);
  const store = await createS3ObjectStore({
    ...{ ...server.access, bucket, clock, createsBucket: true, ...options },
  });
  onTestFinished(store.close);
  return { bucket, client, store };
}

async function openWayTo(server: TestServer) {
  const way = await openWay(server.address);
  onTestFinished(way.close);
  return way;
}

describe.skipIf(servers.length === 0).each(servers)("S3 object store on $name", (server) => {
  objectStoreContract(
    async (testClock) => {
      const { bucket, remove } = ownBucket(server);
      const store = await createS3ObjectStore({
        ...{ ...server.access, bucket, createsBucket: true, clock: testClock },
        publicBaseUrl: "http://127.0.0.1:9000",
      });
      const close = async () => {
        store.close();
        await remove();
      };
      return { store, close };
    },
    { refusesDots: true, maySkipNested: true },
  );

  test("of a hundred puts of one key exactly one wins, and it stays", async () => {
    const { store } = await open(server);
    const puts = Array.from({ length: 100 }, (_, index) =>
      store.put("one", Buffer.from(`bytes ${index}`), png),
    );
    const outcomes = await Promise.allSettled(puts);
    const winners = outcomes.flatMap(({ status }, index) => (status === "fulfilled" ? index : []));
    expect(winners.length).toBe(1);
    const reasons = outcomes.flatMap((one) => (one.status === "rejected" ? one.reason.code : []));
    expect(new Set(reasons)).toEqual(new Set(["E_OBJECT_EXISTS"]));
    const { bytes = [] } = (await store.get("one")) ?? {};
    expect(Buffer.from(bytes).toString()).toBe(`bytes ${winners[0]}`);
  });

  test("equal bytes put at once are all accepted", async () => {
    const { store } = await open(server);
    const puts = Array.from({ length: 20 }, () => store.put("one", Buffer.from("same"), png));
    const stored = { key: "one", contentType: "image/png", sizeBytes: 4 };
    expect(await Promise.all(puts)).toEqual(puts.map(() => stored));
  });

  test("an object of 20 MB arrives as it was", async () => {
    const { store } = await open(server);
    const bytes = Buffer.alloc(20_000_000);
    for (let at = 0; at < bytes.length; at += 4)
      bytes.writeUInt32LE((at * 2_654_435_761) >>> 0, at);
    await store.put("large", bytes, png);
    expect(bytes.equals((await store.get("large"))?.bytes ?? new Uint8Array())).toBe(true);
    expect((await store.stat("large"))?.sizeBytes).toBe(bytes.length);
  });

  test("a list has every object once, however many pages it takes, and nothing of others", async () => {
    const { bucket, client, store } = await open(server);
    const keys = Array.from({ length: 2100 }, (_, index) => String(index).padStart(4, "0"));
    await Promise.all(keys.map((key) => store.put(key, Buffer.from(key), png)));
    await client.putObject(bucket, "not a key", "foreign");
    const listed = await store.list();
    expect(listed.map(({ key }) => key)).toEqual(keys);
    expect(listed.every(({ sizeBytes }) => sizeBytes === 4)).toBe(true);
  });

  test("a key below another key is refused, or a place of its own", async () => {
    const { store } = await open(server);
    await store.put("a", Buffer.from("above"), png);
    const outcome = await store.put("a/b", Buffer.from("below"), png).catch(({ code }) => code);
    if (outcome === "E_OBJECT_KEY_INVALID") expect(await store.get("a/b")).toBeUndefined();
    else expect(Buffer.from((await store.get("a/b"))?.bytes ?? []).toString()).toBe("below");
    expect(Buffer.from((await store.get("a"))?.bytes ?? []).toString()).toBe("above");
  });

  test("a missing bucket is created when allowed, also by several at once", async () => {
    const { bucket, remove } = ownBucket(server);
    onTestFinished(remove);
    const opening = Array.from({ length: 8 }, () =>
      createS3ObjectStore({ ...server.access, bucket, clock, createsBucket: true }),
    );
    for (const store of await Promise.all(opening)) {
      await store.put("a", Buffer.from("x"), png);
      expect((await store.stat("a"))?.sizeBytes).toBe(1);
      store.close();
    }
  });

  test("a missing bucket is explained, when opening and later", async () => {
    const { bucket } = ownBucket(server);
    const missing = { code: "E_STATE_UNUSABLE", message: expect.stringContaining(bucket) };
    const opening = createS3ObjectStore({ ...server.access, bucket, clock });
    await expect(opening).rejects.toMatchObject(missing);
    const { bucket: removed, client, store } = await open(server);
    await client.removeBucket(removed);
    const later = { ...missing, message: expect.stringContaining(removed) };
    await expect(store.put("a", Buffer.from("x"), png)).rejects.toMatchObject(later);
    await expect(store.get("a")).rejects.toMatchObject(later);
    await expect(store.stat("a")).rejects.toMatchObject(later);
    await expect(store.delete("a")).rejects.toMatchObject(later);
    await expect(store.list()).rejects.toMatchObject(later);
  });

  describe("what is wrong is named", () => {
    afterEach(() => {
      vi.useRealTimers();
    });

    test.each([
      ["an unknown access key", { accessKey: "somebody" }, "E_ACCESS_REFUSED", /access key/],
      ["a wrong secret", { secretKey: "canary-secret" }, "E_ACCESS_REFUSED", /access key/],
      ["another region", { region: "us-west-2" }, "E_STATE_UNUSABLE", /region/],
      [
        "no server",
        { endpoint: "http://127.0.0.1:1" },
        "E_SERVICE_UNAVAILABLE",
        /cannot be reached/,
      ],
      ["TLS to a server without", { isTls: true }, "E_SERVICE_UNAVAILABLE", /cannot be reached/],
    ])("%s", async (_, { isTls = false, ...change }: Record<string, unknown>, code, message) => {
      const endpoint = isTls ? `https://${server.address}` : server.access.endpoint;
      const error = await open(server, { endpoint, ...change }).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
      expect(error).toMatchObject({ hint: expect.stringMatching(/check/) });
      expect(textOf(error)).not.toContain(server.access.secretKey);
      expect(textOf(error)).not.toMatch(/canary|Signature=|[0-9a-f]{64}/);
    });

    test("clocks that differ", async () => {
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
      const opening = open(server);
      await expect(opening).rejects.toMatchObject({
        code: "E_ACCESS_REFUSED",
        message: expect.stringContaining("clocks"),
      });
      vi.useRealTimers();
    });

    test("credentials that were right once, by every method", async () => {
      const { bucket, store } = await open(server);
      await store.put("a", Buffer.from("x"), png);
      vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 3_600_000 });
      const refused = { code: "E_ACCESS_REFUSED", message: expect.stringContaining("clocks") };
      for (const key of ["a", "missing"]) {
        await expect(store.stat(key)).rejects.toMatchObject(refused);
        await expect(store.get(key)).rejects.toMatchObject(refused);
        await expect(store.put(key, Buffer.from("x"), png)).rejects.toMatchObject(refused);
        await expect(store.delete(key)).rejects.toMatchObject(refused);
      }
      await expect(store.list()).rejects.toMatchObject(refused);
      vi.useRealTimers();
      expect(bucket).toBeDefined();
    });
  });

  test("a server that falls silent is given up in time, and used again when it speaks", async () => {
    const way = await openWayTo(server);
    const { store } = await open(server, { endpoint: way.url, timeoutMs: 500 });
    await store.put("a", Buffer.from("x"), png);
    const gets = () => Promise.all([1, 2, 3, 4].map(() => store.get("a"))); // a connection for each
    await gets();
    way.fallSilent();
    const late = { code: "E_SERVICE_UNAVAILABLE", message: expect.stringContaining("500 ms") };
    await expect(store.get("a")).rejects.toMatchObject(late);
    await expect(store.put("b", Buffer.from("x"), png)).rejects.toMatchObject(late);
    way.speak();
    expect((await gets()).map((one) => one?.sizeBytes)).toEqual([1, 1, 1, 1]);
  });

  test("a download that is cut is no object", async () => {
    const way = await openWayTo(server);
    const { store } = await open(server, { endpoint: way.url });
    await store.put("large", Buffer.alloc(1_000_000, 7), png);
    store.close();
    way.cutAfter(500_000);
    await expect(store.get("large")).rejects.toMatchObject({
      code: "E_SERVICE_UNAVAILABLE",
      message: expect.stringContaining("broken"),
    });
  });

  test.skipIf(!inject("ours").includes(server.name))(
    "a server that is killed is missed, and found again when it is back",
    async () => {
      const process = openServers().find(({ name }) => name === server.name);
      const { store } = await open(server);
      await store.put("a", Buffer.from("kept"), png);
      await process?.kill();
      await expect(store.get("a")).rejects.toMatchObject({ code: "E_SERVICE_UNAVAILABLE" });
      await process?.start();
      expect(Buffer.from((await store.get("a"))?.bytes ?? []).toString()).toBe("kept");
    },
  );
});

/** All that could be printed of an error. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return `${error.message} ${JSON.stringify(error)} ${error.cause === undefined ? "" : textOf(error.cause)}`;
}
