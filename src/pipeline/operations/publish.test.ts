import { describe, expect, test } from "vitest";
import { createRandomIds } from "../../adapters/memory/ids.ts";
import { catalogue, findContract } from "../contracts/catalogue.ts";
import { fromUtf8 } from "../delivery/bytes.ts";
import { headersOf, keyOf } from "../trace/records.ts";
import { type DraftInput, drafted } from "./publish.ts";

const nowMs = 1_796_000_000_000;
const ports = { clock: { nowMs: () => nowMs }, ids: createRandomIds() };

function contractOf(name: string) {
  const contract = findContract(name);
  if (contract === undefined) throw new Error(`no ${name}`);
  return contract;
}
const draftOf = (name: string, input: Partial<DraftInput> = {}) =>
  drafted(
    {
      ...{ contract: contractOf(name), transport: null, body: null, sets: [], headers: [] },
      ...{ key: null, id: null, flowId: null },
      ...input,
    },
    ports,
  );
const bodyOf = (draft: ReturnType<typeof draftOf>) => fromUtf8(draft.wire.body ?? new Uint8Array());

test("the template is the example with a new id and the time", () => {
  const draft = draftOf("tu.images.uploaded");
  const { example } = contractOf("tu.images.uploaded");
  const body = JSON.parse(bodyOf(draft) ?? "");
  expect(body).toMatchObject({ ObjectKey: example["objectKey"], Bytes: example["bytes"] });
  expect(body.UploadId).not.toBe(example["uploadId"]);
  expect(body.OccurredAt).toBe("2026-11-30T00:53:20+00:00");
  expect(draft.destination).toEqual({ transport: "kafka", topic: "tu.images.uploaded" });
  expect(keyOf(draft.wire)).toBe(example["objectKey"]);
  expect(headersOf(draft.wire)).toMatchObject({
    ...{ "x-schema": "images.uploaded.v0", "x-producer": "ingestion" },
    ...{ "x-message-id": draft.message.id, "x-correlation-id": draft.message.flowId },
  });
});

describe.each(catalogue.map(({ name }) => name))("%s", (name) => {
  test("can be sent as it is on each of its routes", () => {
    for (const { transport } of contractOf(name).routes)
      expect(draftOf(name, { transport }).wire.transport).toBe(transport);
  });
});

test("fields are set one after another, and the key follows the object", () => {
  const sets = ["objectKey=images/b.jpg", "bytes=7", "checksum=null"];
  const draft = draftOf("tu.images.uploaded", { sets });
  expect(JSON.parse(bodyOf(draft) ?? "")).toMatchObject({ ObjectKey: "images/b.jpg", Bytes: 7 });
  expect(keyOf(draft.wire)).toBe("images/b.jpg");
});

test("a body in either spelling replaces the template", () => {
  const payload = { OBJECTKEY: "images/c.jpg" };
  const draft = draftOf("analysis.started", { body: { payload } });
  expect(bodyOf(draft)).toBe('{"objectKey":"images/c.jpg"}');
});

test.each([
  [{ sets: ["bytes=many"] }, "bytes"],
  [{ body: { payload: { contentType: "image/png" } } }, "objectKey"],
  [{ body: { payload: [] } }, "JSON object"],
  [{ body: { payload: "text" } }, "JSON object"],
  [{ transport: "rabbitmq" as const }, "does not travel over rabbitmq"],
])("%j is refused, and named", (input, text) => {
  expect(() => draftOf("tu.images.uploaded", input)).toThrow(
    expect.objectContaining({ code: "E_USAGE", message: expect.stringContaining(text) }),
  );
});

test("bytes are sent as they are", () => {
  const bytes = new Uint8Array([0, 255, 123]);
  expect(draftOf("analysis.started", { body: { bytes } }).wire.body).toEqual(bytes);
});

test.each(["tu.images.uploaded", "analysis.started"])(
  "headers and key of the command line replace those of %s",
  (name) => {
    const headers = [
      ["x-correlation-id", "flow-1"],
      ["x-own", "a"],
    ] as const;
    const draft = draftOf(name, { headers, key: "k", id: "m-1" });
    expect(draft.message).toMatchObject({ flowId: "flow-1", id: "m-1" });
    expect(keyOf(draft.wire)).toBe("k");
    expect(headersOf(draft.wire)).toMatchObject({
      ...{ "x-correlation-id": "flow-1", "x-own": "a", "x-message-id": "m-1" },
    });
    if (draft.wire.transport === "kafka")
      expect(draft.wire.headers.filter(({ name: one }) => one === "x-correlation-id")).toHaveLength(
        1,
      );
    else expect(draft.wire.properties).toMatchObject({ correlationId: "flow-1", messageId: "m-1" });
  },
);
