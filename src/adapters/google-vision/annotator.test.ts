import { generateKeyPairSync } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { TuError } from "../../pipeline/errors.ts";
import type { Annotator } from "../../pipeline/ports/annotator.ts";
import { createGoogleAnnotator, type GoogleSettings } from "./annotator.ts";
import { limitCalls } from "./call-limit.ts";
import {
  startBrokenServer,
  startVisionServer,
  type VisionServer,
} from "./testing/vision-server.ts";

const picture = new Uint8Array([0xff, 0xd8, 0xff, 1, 2, 3]);

async function annotatorFor(
  endpoint: string,
  settings: Partial<GoogleSettings> = {},
): Promise<Annotator> {
  const annotator = await createGoogleAnnotator({
    endpoint,
    keyFile: null,
    quotaProject: null,
    timeoutMs: 5_000,
    ...settings,
  });
  onTestFinished(() => annotator.close());
  return annotator;
}

async function serverThat(handle: Parameters<typeof startVisionServer>[0]): Promise<VisionServer> {
  const server = await startVisionServer(handle);
  onTestFinished(() => server.close());
  return server;
}

async function failure(work: Promise<unknown>): Promise<TuError> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof TuError) return error;
  throw new Error(`no TuError: ${String(error)}`, { cause: error });
}

describe("an answer", () => {
  test("comes from one call that asks for all features, in the shape of the REST API", async () => {
    const server = await serverThat(({ answer }) =>
      answer({ responses: [{ logoAnnotations: [{ description: "Caterpillar", score: 0.5 }] }] }),
    );
    const annotator = await annotatorFor(server.endpoint);
    const raw = await annotator.annotate(picture);
    expect(raw).toMatchObject({ logoAnnotations: [{ description: "Caterpillar", score: 0.5 }] });
    expect(raw).not.toHaveProperty("textAnnotations");
    expect(raw).not.toHaveProperty("error");
    expect(server.requests).toHaveLength(1);
    const [asked] = server.requests[0]?.requests ?? [];
    expect([...(asked?.image.content ?? [])]).toEqual([...picture]);
    expect(asked?.features).toEqual(
      annotator.features.map((type) => expect.objectContaining({ type, maxResults: 5 })),
    );
  });

  test("without an answer in it is a failure that is worth another try", async () => {
    const server = await serverThat(({ answer }) => answer({ responses: [] }));
    const error = await failure((await annotatorFor(server.endpoint)).annotate(picture));
    expect(error).toMatchObject({ code: "E_VISION_UNAVAILABLE", retryable: true });
  });
});

describe("a call that fails", () => {
  test.each([
    [8, "E_VISION_QUOTA", true],
    [14, "E_VISION_UNAVAILABLE", true],
    [13, "E_VISION_UNAVAILABLE", true],
    [4, "E_VISION_DEADLINE", true],
    [16, "E_VISION_CREDENTIALS", false],
    [7, "E_VISION_CREDENTIALS", false],
    [3, "E_VISION_REFUSED", false],
    [11, "E_VISION_REFUSED", false],
  ])("with status %i is %s, retryable %s, and is one call", async (status, code, retryable) => {
    const server = await serverThat(({ fail }) => fail(status, "because"));
    const error = await failure((await annotatorFor(server.endpoint)).annotate(picture));
    expect(error).toMatchObject({ code, retryable });
    expect(error.message).toContain("because");
    expect(server.requests).toHaveLength(1);
  });

  test.each([
    [3, "E_VISION_REFUSED", false],
    [14, "E_VISION_UNAVAILABLE", true],
    [8, "E_VISION_QUOTA", true],
  ])(
    "for one picture with status %i is %s, whatever else stands in the answer",
    async (status, code, retryable) => {
      const server = await serverThat(({ answer }) =>
        answer({
          responses: [
            {
              error: { code: status, message: "Bad image data." },
              labelAnnotations: [{ description: "Loader" }],
            },
          ],
        }),
      );
      const error = await failure((await annotatorFor(server.endpoint)).annotate(picture));
      expect(error).toMatchObject({ code, retryable });
      expect(error.message).toContain("Bad image data.");
    },
  );
});

describe("a server that", () => {
  test("never answers is a deadline", async () => {
    const server = await serverThat(() => undefined);
    const annotator = await annotatorFor(server.endpoint, { timeoutMs: 300 });
    const error = await failure(annotator.annotate(picture));
    expect(error).toMatchObject({ code: "E_VISION_DEADLINE", retryable: true });
    expect(server.requests).toHaveLength(1);
  });

  test("takes the connection and says nothing is a deadline", async () => {
    const broken = await startBrokenServer(() => undefined);
    onTestFinished(() => broken.close());
    const annotator = await annotatorFor(broken.endpoint, { timeoutMs: 300 });
    expect(await failure(annotator.annotate(picture))).toMatchObject({ code: "E_VISION_DEADLINE" });
  });

  test("ends its half of every connection is unavailable", async () => {
    const broken = await startBrokenServer((socket) => socket.end());
    onTestFinished(() => broken.close());
    const annotator = await annotatorFor(broken.endpoint, { timeoutMs: 5_000 });
    const error = await failure(annotator.annotate(picture));
    expect(error).toMatchObject({ code: "E_VISION_UNAVAILABLE", retryable: true });
  });

  test("speaks something else is unavailable", async () => {
    const broken = await startBrokenServer((socket) =>
      socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    );
    onTestFinished(() => broken.close());
    const error = await failure((await annotatorFor(broken.endpoint)).annotate(picture));
    expect(error).toMatchObject({ code: "E_VISION_UNAVAILABLE" });
  });

  test("is not there is unavailable", async () => {
    const broken = await startBrokenServer(() => undefined);
    await broken.close();
    const error = await failure((await annotatorFor(broken.endpoint)).annotate(picture));
    expect(error).toMatchObject({ code: "E_VISION_UNAVAILABLE", exitCode: 6 });
  });

  test.each(["destroys", "half-closes"])(
    "%s the connection in the middle of a call is unavailable, and the next call reaches it again",
    async (how) => {
      let isFirst = true;
      const server = await serverThat(({ answer }) => {
        if (!isFirst) return answer({ responses: [{}] });
        isFirst = false;
        proxy.cut(how);
      });
      const proxy = await startProxy(server.endpoint);
      const annotator = await annotatorFor(proxy.endpoint);
      const error = await failure(annotator.annotate(picture));
      expect(error).toMatchObject({ code: "E_VISION_UNAVAILABLE", retryable: true });
      await new Promise((resolve) => setTimeout(resolve, 200)); // as long as the flow waits
      expect(await annotator.annotate(picture)).toEqual(expect.any(Object));
      expect(server.requests).toHaveLength(2);
    },
  );

  test("comes up between two attempts is reached by the second", async () => {
    const server = await serverThat(({ answer }) => answer({ responses: [{}] }));
    const proxy = await startProxy(server.endpoint);
    const annotator = await annotatorFor(proxy.endpoint);
    proxy.refuse(true);
    const error = await failure(annotator.annotate(picture));
    expect(error).toMatchObject({ code: "E_VISION_UNAVAILABLE" });
    proxy.refuse(false);
    await new Promise((resolve) => setTimeout(resolve, 200)); // as long as the flow waits
    expect(await annotator.annotate(picture)).toEqual({});
  });

  test("says goodbye (GOAWAY) and answers what it has is no failure", async () => {
    const server = await serverThat(({ answer }) => {
      server.drain();
      setTimeout(() => answer({ responses: [{}] }), 50);
    });
    const annotator = await annotatorFor(server.endpoint);
    expect(await annotator.annotate(picture)).toEqual({});
  });
});

describe("stopping", () => {
  // Without a cancelled call both would end too, at the deadline of a minute.
  const soon = { timeout: 10_000 };
  const patient = { timeoutMs: 60_000 };

  test(
    "an aborted call ends at once, with the signal's reason, at the server too",
    soon,
    async () => {
      const server = await serverThat(() => stop.abort(new Error("stopped by a test")));
      const stop = new AbortController();
      const annotator = await annotatorFor(server.endpoint, patient);
      await expect(annotator.annotate(picture, { signal: stop.signal })).rejects.toThrow(
        "stopped by a test",
      );
      await vi.waitFor(() => expect(server.cancelled()).toBe(1));
    },
  );

  test("an aborted signal makes no call", async () => {
    const server = await serverThat(({ answer }) => answer({ responses: [{}] }));
    const annotator = await annotatorFor(server.endpoint);
    const signal = AbortSignal.abort(new Error("too late"));
    await expect(annotator.annotate(picture, { signal })).rejects.toThrow("too late");
    expect(server.requests).toHaveLength(0);
  });

  test("closing ends the calls under way", soon, async () => {
    const server = await serverThat(() => void annotator.close());
    const annotator = await annotatorFor(server.endpoint, patient);
    const error = await failure(annotator.annotate(picture));
    expect(error.message).toContain("closed");
  });
});

describe("--max-vision-calls", () => {
  test("counts attempts, failed ones too, and then refuses without a call", async () => {
    const server = await serverThat(({ fail }) => fail(14, "busy"));
    const annotator = limitCalls(await annotatorFor(server.endpoint), 2);
    await failure(annotator.annotate(picture));
    await failure(annotator.annotate(picture));
    const error = await failure(annotator.annotate(picture));
    expect(error).toMatchObject({ code: "E_VISION_BUDGET", exitCode: 9, retryable: false });
    expect(server.requests).toHaveLength(2);
  });

  test("0 allows none", async () => {
    const server = await serverThat(({ answer }) => answer({ responses: [{}] }));
    const annotator = limitCalls(await annotatorFor(server.endpoint), 0);
    expect(await failure(annotator.annotate(picture))).toMatchObject({ code: "E_VISION_BUDGET" });
    expect(server.requests).toHaveLength(0);
  });
});

describe("credentials", () => {
  const open = (keyFile: string | null) =>
    createGoogleAnnotator({
      endpoint: "https://127.0.0.1:1",
      keyFile,
      quotaProject: null,
      timeoutMs: 1_000,
    });
  const keyFile = async (content: string): Promise<string> => {
    const directory = await mkdtemp(join(tmpdir(), "tu-analyze-"));
    onTestFinished(() => rm(directory, { recursive: true, force: true }));
    const path = join(directory, "key.json");
    await writeFile(path, content);
    return path;
  };
  const everythingOf = (error: unknown): string =>
    error instanceof Error
      ? `${error.stack} ${JSON.stringify(error)} ${everythingOf(error.cause)}`
      : String(error);

  test.each([
    ["is no JSON", "hunter2-secret"],
    ["is JSON, but no object", '"hunter2-secret"'],
    ["is of no kind of key", '{"type":"hunter2-secret","private_key":"hunter2-secret"}'],
    ["lacks its parts", '{"type":"service_account","private_key":"hunter2-secret"}'],
  ])("a key file that %s is said at once, without what it holds", async (_, content) => {
    const path = await keyFile(content);
    const error = await failure(open(path));
    expect(error).toMatchObject({ code: "E_VISION_CREDENTIALS", exitCode: 5, retryable: false });
    expect(error.message).toContain(path);
    expect(everythingOf(error)).not.toContain("hunter2");
  });

  test("the error for a missing key file names it", async () => {
    const error = await failure(open("/nowhere/key.json"));
    expect(error).toMatchObject({ code: "E_VISION_CREDENTIALS" });
    expect(error.message).toContain("/nowhere/key.json cannot be read (ENOENT)");
  });

  test("a private key that does not sign is not the service's fault", async () => {
    const path = await keyFile(
      JSON.stringify({
        type: "service_account",
        client_email: "a@b.c",
        private_key: "-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----\n",
      }),
    );
    const annotator = await open(path);
    onTestFinished(() => annotator.close());
    const error = await failure(annotator.annotate(picture));
    expect(error).toMatchObject({ code: "E_VISION_CREDENTIALS", retryable: false });
    expect(everythingOf(error)).not.toContain("hunter2");
  });

  test("a valid key signs in without the service, and only then is the service missed", async () => {
    const { privateKey } = generateKeyPairSync("rsa", {
      modulusLength: 2048,
      privateKeyEncoding: { type: "pkcs8", format: "pem" },
      publicKeyEncoding: { type: "spki", format: "pem" },
    });
    const path = await keyFile(
      JSON.stringify({
        type: "service_account",
        project_id: "p",
        client_email: "a@b.c",
        private_key: privateKey,
        token_uri: "http://127.0.0.1:1/never-asked",
      }),
    );
    const annotator = await open(path);
    onTestFinished(() => annotator.close());
    const error = await failure(annotator.annotate(picture));
    expect(error).toMatchObject({ code: "E_VISION_UNAVAILABLE" });
    expect(error.message).toContain("UNAVAILABLE");
  });

  test("none at all is said within seconds", async () => {
    vi.stubEnv("HOME", await mkdtemp(join(tmpdir(), "tu-analyze-")));
    vi.stubEnv("METADATA_SERVER_DETECTION", "none");
    onTestFinished(() => void vi.unstubAllEnvs());
    const error = await failure(open(null));
    expect(error).toMatchObject({ code: "E_VISION_CREDENTIALS", exitCode: 5 });
    expect(error.hint).toContain("GOOGLE_APPLICATION_CREDENTIALS");
  });
});

/** Forwards everything until it is cut. */
async function startProxy(target: string): Promise<{
  readonly endpoint: string;
  cut(how: string): void;
  refuse(isRefusing: boolean): void;
}> {
  const pairs = new Set<Socket>();
  let refuses = false;
  const server = createServer((near) => {
    if (refuses) {
      near.destroy();
      return;
    }
    const far = connect(Number(new URL(target).port), "127.0.0.1");
    for (const socket of [near, far]) socket.on("error", () => undefined);
    near.pipe(far).pipe(near);
    pairs.add(near);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of pairs) socket.destroy();
    server.close();
  });
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    cut(how) {
      for (const near of pairs) how === "destroys" ? near.destroy() : near.end();
      pairs.clear();
    },
    refuse(isRefusing) {
      refuses = isRefusing;
    },
  };
}
