import { expect, test } from "vitest";
import { createManualClock } from "../../adapters/memory/clock.ts";
import { sha256 } from "../../adapters/memory/ids.ts";
import { failedReply } from "../engine/decide.samples.ts";
import { TuError } from "../errors.ts";
import { flowNamed } from "../flows/flow.ts";
import { outageMs, silenceMs } from "../http/through-outages.ts";
import type { Message } from "../message.ts";
import type { Clock } from "../ports/clock.ts";
import type { HttpClient } from "../ports/http-client.ts";
import { parseDuration } from "../time.ts";
import { failed } from "./analysis-step.ts";
import { createImageAccess } from "./image-access.ts";

const picture = new TextEncoder().encode("picture");
const claim = { bytes: 7, checksum: `sha256:${sha256(picture)}` };
let requests = 0;
const http: HttpClient = {
  async send({ method }) {
    requests += 1;
    const url = { url: "http://objects/a", expiresAt: "2026-01-01T00:00:00.000Z" };
    const body = method === "POST" ? new TextEncoder().encode(JSON.stringify(url)) : picture;
    return { status: 200, headers: { "content-type": "image/png" }, body };
  },
};
const about = (payload: unknown): Message => ({ ...failedReply("a", "m1", 1), payload });
const running = new AbortController().signal;
const accessOver = (client: HttpClient, clock: Clock = createManualClock(0), signal = running) => {
  const access = createImageAccess({
    http: client,
    clock,
    digest: sha256,
    service: "metadata-service",
    mediaAccessUrl: () => "http://media",
    internalToken: "token",
  });
  return (message: Message) => access(message, signal);
};
const fetchImage = accessOver(http);

test.each([
  ["what was uploaded", claim],
  ["a checksum in capitals", { checksum: claim.checksum.toUpperCase().replace("SHA", "sha") }],
  ["nothing", {}],
  ["nothing readable", { bytes: "7", checksum: "md5:x" }],
  ["no object", null],
])("a picture is given for a message that says of it: %s", async (_, payload) => {
  expect(await fetchImage(about(payload))).toEqual(picture);
});

test.each([
  ["size", { ...claim, bytes: 8 }],
  ["checksum", { ...claim, checksum: `sha256:${"a".repeat(64)}` }],
])("another %s than that of the upload fails for good, without another try", async (_, payload) => {
  requests = 0;
  const error: unknown = await fetchImage(about(payload)).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "E_IMAGE_CHANGED", retryable: false });
  expect(requests).toBe(2);
  const step = { name: "metadata", failed: "metadata.failed" };
  const which = { attempt: 1, attempts: 3 };
  expect(failed(step, about(payload), error, which).outgoing[0]?.payload).toMatchObject({
    code: "E_IMAGE_CHANGED",
    retryable: false,
  });
});

/** A store that refuses the first `times` URLs it receives. */
function fetchRefused(times: number) {
  const used: string[] = [];
  let made = 0;
  const refusing: HttpClient = {
    async send(request) {
      if (request.method === "POST") {
        made += 1;
        const url = { url: `http://objects/${made}`, expiresAt: "2026-01-01T00:00:00.000Z" };
        return { status: 200, headers: {}, body: new TextEncoder().encode(JSON.stringify(url)) };
      }
      used.push(request.url);
      const status = used.length <= times ? 403 : 200;
      return { status, headers: { "content-type": "image/png" }, body: picture };
    },
  };
  return { fetch: accessOver(refusing), used };
}

test("a refused URL, such as an expired one, is requested anew once", async () => {
  const once = fetchRefused(1);
  expect(await once.fetch(about(claim))).toEqual(picture);
  expect(once.used).toEqual(["http://objects/1", "http://objects/2"]);
  const always = fetchRefused(9);
  await expect(always.fetch(about(claim))).rejects.toMatchObject({ code: "E_URL_REFUSED" });
  expect(always.used).toHaveLength(2);
});

const refused = new TuError("E_SERVICE_UNAVAILABLE", "nobody listens");
type Part = "media access" | "the object store";

/** A cluster in which one part is away for a while, and answers with this meanwhile. */
function cluster(away: { part: Part; forMs: number; answer: number | TuError }) {
  const clock = createManualClock(0);
  const askedAtMs: number[] = [];
  const client: HttpClient = {
    async send(request) {
      const isAsked = (request.method === "POST") === (away.part === "media access");
      if (isAsked) askedAtMs.push(clock.nowMs());
      if (!isAsked || clock.nowMs() >= away.forMs) return http.send(request);
      if (away.answer instanceof TuError) throw away.answer;
      return { status: away.answer, headers: {}, body: new Uint8Array() };
    },
  };
  return { client, clock, askedAtMs };
}

test.each<[Part, number | TuError]>([
  ["the object store", refused],
  ["the object store", 503],
  ["the object store", 500],
  ["the object store", 429],
  ["media access", refused],
  ["media access", 503],
])("an outage of %s (%s) is waited for, and told soon after its end", async (part, answer) => {
  for (const forMs of [2300, 9000]) {
    const { askedAtMs, client, clock } = cluster({ part, forMs, answer });
    const fetching = accessOver(client, clock)(about(claim));
    await clock.advance(outageMs);
    expect(await fetching).toEqual(picture);
    expect(askedAtMs.at(-1)).toBeLessThanOrEqual(forMs + 1000);
  }
});

test.each([
  ["the object store", 500, "E_FETCH_FAILED"],
  ["the object store", refused, "E_SERVICE_UNAVAILABLE"],
  ["media access", 503, "E_FETCH_FAILED"],
] as const)("%s that always answers %s fails the attempt", async (part, answer, code) => {
  const { askedAtMs, client, clock } = cluster({ part, forMs: Number.POSITIVE_INFINITY, answer });
  const outcome = accessOver(client, clock)(about(claim)).catch((error: unknown) => error);
  await clock.advance(outageMs);
  expect(await outcome).toMatchObject({ code, retryable: true });
  expect(askedAtMs.at(-1)).toBeGreaterThan(outageMs - 2000);
  expect(clock.nextDueMs()).toBeNull();
});

test("an attempt gives up on a store before its step times out", () => {
  for (const { timeout } of flowNamed("full").definition.steps)
    expect(outageMs + silenceMs).toBeLessThan(parseDuration(timeout) ?? 0);
});

test("whoever stops does not wait for a store that is away", async () => {
  const { client, clock } = cluster({ part: "the object store", forMs: 9000, answer: refused });
  const stopping = new AbortController();
  const silent: HttpClient = { send: () => new Promise(() => undefined) };
  for (const away of [client, silent]) {
    const outcome = accessOver(away, clock, stopping.signal)(about(claim)).catch((error) => error);
    await clock.advance(1000);
    stopping.abort(new Error("stopping"));
    expect(await outcome).toEqual(new Error("stopping"));
  }
  expect(clock.nextDueMs()).toBeNull();
});

test("every command of the flow carries what the upload event says", () => {
  for (const { parameters } of flowNamed("full").definition.steps)
    expect(parameters).toMatchObject({ bytes: "${input.bytes}", checksum: "${input.checksum}" });
});
