import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRandomIds } from "../../adapters/memory/ids.ts";
import { catalogue, findContract } from "../contracts/catalogue.ts";
import type { Contract, Route } from "../contracts/contract.ts";
import { TuError } from "../errors.ts";
import type { Message } from "../message.ts";
import { deliveryFromLog, deliveryFromQueue } from "./delivery.ts";
import { type Delivery, decode, encode } from "./wire.ts";

const ids = createRandomIds();
const messageOf = (contract: Contract, route: Route, payload: unknown): Message => ({
  id: "019ad2c0-6a51-7c1e-9d0f-5a3f0c2b7e11",
  name: contract.name,
  kind: contract.kind,
  flowId: "f1",
  causationId: "c1",
  subject: "images/2025/12/03/a.png",
  occurredAt: "2025-12-03T09:16:02.118Z",
  producer: route.producerHeader,
  schema: contract.schemaId,
  headers: { traceparent: "00-1-2-03" },
  payload,
});
const named = (name: string): Contract => {
  const contract = findContract(name);
  if (contract === undefined) throw new Error(`no ${name}`);
  return contract;
};
const arrived = (
  contract: Contract,
  given: Uint8Array | string,
  more: Partial<Delivery> = {},
): Delivery => {
  const body = typeof given === "string" ? new TextEncoder().encode(given) : given;
  return {
    contract,
    route: contract.routes[0],
    headers: {},
    body,
    key: "images/2025/12/03/a.png",
    origin: "kafka:t/0/7",
    redelivered: true,
    receivedAt: "2026-01-01T00:00:00.000Z",
    wire: { transport: "kafka", key: null, headers: [], body },
    ...more,
  };
};
const bytesOf = (message: Message) => {
  const encoded = encode(message);
  return encoded.transport === "kafka" ? encoded.record : encoded.publication;
};
/** As the receiver would get it from the transport. */
const received = (message: Message, contract: Contract, route: Route): Delivery => {
  const encoded = encode(message);
  const settled = async () => undefined;
  if (encoded.transport === "kafka") {
    const delivery = {
      ...encoded.record,
      partition: 0,
      offset: 7,
      commit: settled,
      retry: settled,
    };
    return deliveryFromLog(delivery, { contract, route }, "2026-01-01T00:00:00.000Z");
  }
  const queue = { queue: "q", redelivered: false, ack: settled, nack: settled };
  const delivery = { ...encoded.publication, ...queue };
  return deliveryFromQueue(delivery, { contract, route }, "2026-01-01T00:00:00.000Z");
};

test.each(catalogue.map((contract) => [contract.name, contract] as const))(
  "%s comes back as it was sent",
  (_, contract) => {
    const [route] = contract.routes;
    const message = messageOf(contract, route, route.body.parse(contract.example));
    const decoded = decode(received(message, contract, route), ids);
    expect(decoded).toEqual({
      readable: true,
      message: { ...message, subject: String(contract.example["objectKey"] ?? message.subject) },
    });
  },
);

test.each(catalogue.map((contract) => [contract.name, contract] as const))(
  "%s that was written here says what its bytes say",
  (_, contract) => {
    const [route] = contract.routes;
    const message = messageOf(contract, route, { ...contract.example, unasked: 1 });
    const own = arrived(contract, bytesOf(message).body, {
      headers: { "x-message-id": message.id },
    });
    // Another id: it was not written here.
    const foreign = { ...own, headers: { "x-message-id": "m1" } };
    const read = decode(foreign, ids);
    expect(read).toMatchObject({ readable: true });
    expect(decode(own, ids)).toEqual({
      readable: true,
      message: { ...("message" in read ? read.message : undefined), id: message.id },
    });
  },
);

test("what was written here is read when it comes back otherwise, or on another way", () => {
  const contract = named("recognition.completed");
  const message = messageOf(contract, contract.routes[0], contract.example);
  const headers = { "x-message-id": message.id };
  const text = new TextDecoder().decode(bytesOf(message).body);
  const other = JSON.stringify({ ...(JSON.parse(text) as object), objectKey: "images/b.png" });
  expect(decode(arrived(contract, other, { headers }), ids)).toMatchObject({
    message: { payload: { objectKey: "images/b.png" } },
  });
  // Bytes with more fields than the other route's schema accepts.
  const elsewhere = named("analysis.metadata.request");
  const { body } = bytesOf(message);
  const payloadOf = (given: Delivery) => {
    const decoded = decode(given, ids);
    return decoded.readable ? decoded.message.payload : decoded.reason;
  };
  expect(payloadOf(arrived(elsewhere, body, { headers }))).toEqual(
    payloadOf(arrived(elsewhere, body)),
  );
  expect(payloadOf(arrived(contract, body, { headers }))).toEqual(contract.example);
});

describe("bodies of flow current are those of the real services", () => {
  test("the upload is PascalCase on Kafka and camelCase behind the bridge", () => {
    const kafka = named("tu.images.uploaded");
    const rabbit = named("tu.image.uploaded");
    const payload = kafka.example;
    const keys = (contract: Contract) =>
      Object.keys(
        JSON.parse(
          new TextDecoder().decode(bytesOf(messageOf(contract, contract.routes[0], payload)).body),
        ) as object,
      );
    expect(keys(kafka)).toEqual([
      "UploadId",
      "ObjectKey",
      "ContentType",
      "Bytes",
      "Checksum",
      "OccurredAt",
    ]);
    expect(keys(rabbit)).toEqual([
      "uploadId",
      "objectKey",
      "contentType",
      "bytes",
      "checksum",
      "occurredAt",
    ]);
  });

  test("a recognition has every field in the adapter's order, nulls written", () => {
    const contract = named("tu.recognition.completed");
    const { body } = bytesOf(messageOf(contract, contract.routes[0], contract.example));
    expect(new TextDecoder().decode(body)).toBe(
      '{"provider":{"name":"vision","apiVersion":"v1","featureset":["LogoDetection","TextDetection","WebDetection"],"maxResults":5,"reasoningName":null,"reasoningModel":null},' +
        '"aggregate":{"brand":"Hitachi","machineType":"Excavator","model":"ZX135","weight":null,"year":null,"attachment":null,"confidence":0.9,"isConfident":true,"typeConfidence":0.73,"typeSource":"web_entity","name":"Hitachi, Excavator, ZX135"}}',
    );
  });

  test("the end has two fields and no more", () => {
    const contract = named("analysis.completed");
    const { recognitionPayload } = contract.example;
    const payload = { success: true, recognitionPayload };
    const { body } = bytesOf(messageOf(contract, contract.routes[0], payload));
    expect(Object.keys(JSON.parse(new TextDecoder().decode(body)) as object)).toEqual([
      "success",
      "recognitionPayload",
    ]);
  });

  test("text is escaped as .NET does", () => {
    const contract = named("analysis.started");
    const { body } = bytesOf(messageOf(contract, contract.routes[0], { objectKey: `<ü"'&>` }));
    expect(new TextDecoder().decode(body)).toBe(
      '{"objectKey":"\\u003C\\u00FC\\u0022\\u0027\\u0026\\u003E"}',
    );
  });
});

describe("readers are tolerant", () => {
  const upload = named("tu.images.uploaded");
  const body = (entries: readonly (readonly [string, unknown])[]) =>
    JSON.stringify(Object.fromEntries(entries));

  test("of letter case and unknown fields", () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.boolean()), (upper) => {
        const flip = (key: string) =>
          [...key]
            .map((c) => (upper.next().value === true ? c.toUpperCase() : c.toLowerCase()))
            .join("");
        const entries = Object.entries(upload.example).map(
          ([key, value]) => [flip(key), value] as const,
        );
        const decoded = decode(arrived(upload, body([...entries, ["extra", 1]])), ids);
        expect(decoded).toMatchObject({ readable: true, message: { payload: upload.example } });
      }),
    );
  });

  test("of machineType and type", () => {
    const contract = named("tu.recognition.completed");
    const [kafka, rabbit] = contract.routes;
    const aggregate = { ...(contract.example["aggregate"] as object), machineType: undefined };
    const foreign = { ...contract.example, aggregate: { ...aggregate, type: "Excavator" } };
    const onKafka = decode(arrived(contract, JSON.stringify(foreign), { route: kafka }), ids);
    expect(onKafka).toMatchObject({
      message: { payload: { aggregate: { machineType: "Excavator" } } },
    });
    const bridged = JSON.stringify(contract.example); // has machineType, not type
    const onRabbit = decode(arrived(contract, bridged, { route: rabbit ?? kafka }), ids);
    expect(onRabbit).toMatchObject({ message: { payload: { aggregate: { type: "Excavator" } } } });
  });

  test("of missing headers: the same bytes in the same place are the same message", () => {
    const text = JSON.stringify(upload.example);
    const first = decode(arrived(upload, text), ids);
    expect(decode(arrived(upload, text), ids)).toEqual(first);
    expect(decode(arrived(upload, text, { origin: "kafka:t/0/8" }), ids)).not.toEqual(first);
  });

  test("any bytes are a message or unreadable, never an exception", () => {
    const anyContract = fc.constantFrom(...catalogue);
    const anyBody = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => new TextEncoder().encode(text)),
      fc.object().map((value) => new TextEncoder().encode(JSON.stringify(value))),
    );
    fc.assert(
      fc.property(
        anyContract,
        anyBody,
        fc.dictionary(fc.string(), fc.string()),
        (contract, bytes, headers) => {
          const decoded = decode(arrived(contract, bytes, { headers }), ids);
          expect(typeof decoded.readable).toBe("boolean");
        },
      ),
      { numRuns: 2000 },
    );
  });
});

describe("writers are strict", () => {
  test.each(catalogue.map((contract) => [contract.name, contract] as const))(
    "%s without its fields is never sent",
    (_, contract) => {
      expect(() => encode(messageOf(contract, contract.routes[0], {}))).toThrow(TuError);
    },
  );
  test("fields that the schema does not name are not written", () => {
    const contract = named("analysis.started");
    const { body } = bytesOf(
      messageOf(contract, contract.routes[0], { objectKey: "k", secret: 1 }),
    );
    expect(new TextDecoder().decode(body)).toBe('{"objectKey":"k"}');
  });
});

describe("the least that the deployed services may send", () => {
  test.each([
    [
      ...(["tu.images.uploaded", "kafka", { ObjectKey: "k" }] as const),
      {
        ...{ uploadId: null, objectKey: "k", contentType: null },
        bytes: null,
        checksum: null,
        occurredAt: null,
      },
    ],
    [
      ...(["tu.image.uploaded", "rabbitmq", { objectKey: "k", uploadId: null, bytes: 0 }] as const),
      {
        ...{ uploadId: null, objectKey: "k", contentType: null },
        bytes: 0,
        checksum: null,
        occurredAt: null,
      },
    ],
    [
      ...([
        "tu.recognition.completed",
        "rabbitmq",
        { provider: { name: "vision" }, aggregate: { confidence: 0, isConfident: false } },
      ] as const),
      {
        provider: { name: "vision", apiVersion: null, featureset: [], maxResults: null },
        aggregate: {
          ...{ brand: null, type: null, model: null, confidence: 0, isConfident: false },
          ...{ typeConfidence: null, typeSource: null, name: null },
        },
      },
    ],
    [
      ...(["analysis.completed", "rabbitmq", { success: true }] as const),
      { success: true, recognitionPayload: null },
    ],
  ])("%s on %s is read", (name, transport, body, payload) => {
    const contract = named(name);
    const route = contract.routes.find((one) => one.transport === transport) ?? contract.routes[0];
    const decoded = decode(arrived(contract, JSON.stringify(body), { route }), ids);
    expect(decoded).toMatchObject({ readable: true, message: { payload } });
  });
});
