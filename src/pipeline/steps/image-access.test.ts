import { expect, test } from "vitest";
import { createManualClock } from "../../adapters/memory/clock.ts";
import { sha256 } from "../../adapters/memory/ids.ts";
import { failedReply } from "../engine/decide.samples.ts";
import { flowNamed } from "../flows/flow.ts";
import type { Message } from "../message.ts";
import type { HttpClient } from "../ports/http-client.ts";
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
const accessOver = (client: HttpClient) =>
  createImageAccess({
    http: client,
    clock: createManualClock(0),
    digest: sha256,
    service: "metadata-service",
    mediaAccessUrl: () => "http://media",
    internalToken: "token",
  });
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

test("every command of the flow carries what the upload event says", () => {
  for (const { parameters } of flowNamed("full").definition.steps)
    expect(parameters).toMatchObject({ bytes: "${input.bytes}", checksum: "${input.checksum}" });
});
