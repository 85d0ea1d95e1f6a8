import { describe, expect, test } from "vitest";
import { findContract } from "../contracts/catalogue.ts";
import type { Contract, Route } from "../contracts/contract.ts";
import type { Message } from "../message.ts";
import type { Ids } from "../ports/ids.ts";
import { type Delivery, decode, encode } from "./wire.ts";

const named = (name: string): Contract => {
  const contract = findContract(name);
  if (contract === undefined) throw new Error(`no ${name}`);
  return contract;
};
const text = (bytes: Uint8Array | null) => new TextDecoder().decode(bytes ?? undefined);
const messageOf = (contract: Contract, more: Partial<Message> = {}): Message => ({
  ...{ id: "m1", name: contract.name, kind: contract.kind, flowId: "f1", causationId: "c1" },
  subject: "images/2025/12/03/a.png",
  occurredAt: "2025-12-03T09:16:02.918Z",
  producer: contract.routes[0].producerHeader,
  ...{ schema: contract.schemaId, headers: { traceparent: "00-1" }, payload: contract.example },
  ...more,
});
/** Spells out what an id was derived from. */
const ids: Pick<Ids, "create" | "derive"> = {
  create: () => "created",
  derive: (...from) => from.join("|"),
};
const arrived = (contract: Contract, more: Partial<Delivery> = {}): Delivery => {
  const body = new TextEncoder().encode(JSON.stringify(contract.example));
  return {
    ...{ contract, route: contract.routes[0], headers: {}, body, key: "the key" },
    ...{ origin: "kafka:t/0/7", redelivered: true, receivedAt: "2026-01-01T00:00:00.000Z" },
    wire: { transport: "kafka", key: null, headers: [], body },
    ...more,
  };
};
const messageIn = (given: Delivery): Message => {
  const decoded = decode(given, ids as Ids);
  if (!decoded.readable) throw new Error(decoded.reason);
  return decoded.message;
};
const routeWith = (wanted: (contract: Contract, route: Route) => boolean): [Contract, Route] => {
  for (const contract of allContracts())
    for (const route of contract.routes) if (wanted(contract, route)) return [contract, route];
  throw new Error("no such route");
};
const allContracts = () =>
  [
    ...["tu.images.uploaded", "tu.image.uploaded", "analysis.started", "recognition.completed"],
    ...["analysis.recognition.request", "analysis.completed", "metadata.sorted"],
  ].map(named);

describe("what is written", () => {
  test("on a log: topic, key, headers and body", () => {
    const encoded = encode(messageOf(named("tu.images.uploaded")));
    if (encoded.transport !== "kafka") throw new Error("not on the log");
    const { headers, key, topic } = encoded.record;
    expect([topic, text(key)]).toEqual(["tu.images.uploaded", "images/2025/12/03/a.png"]);
    expect(Object.fromEntries(headers.map(({ name, value }) => [name, text(value)]))).toEqual({
      traceparent: "00-1",
      "x-schema": named("tu.images.uploaded").schemaId,
      "x-producer": named("tu.images.uploaded").routes[0].producerHeader,
      "x-correlation-id": "f1",
      "x-message-id": "m1",
      "x-occurred-at": "2025-12-03T09:16:02.918Z",
      "x-causation-id": "c1",
    });
  });

  test("on a queue: where it goes, whose it is, and when it was, in seconds", () => {
    const message = messageOf(named("analysis.recognition.request"));
    const encoded = encode(message);
    if (encoded.transport !== "rabbitmq") throw new Error("not on a broker");
    const { exchange, properties, routingKey } = encoded.publication;
    const { route } = encoded;
    if (route.transport !== "rabbitmq") throw new Error("not on a broker");
    expect([exchange, routingKey]).toEqual([
      route.exchange,
      route.exchangeType === "direct" ? message.name : message.subject,
    ]);
    expect(properties).toEqual({
      contentType: "application/json",
      correlationId: "f1",
      type: message.schema,
      appId: message.producer,
      messageId: "m1",
      timestamp: 1_764_753_362,
    });
  });

  test("an exchange for all is given the subject for a key, one that chooses the name", () => {
    const keyOf = (type: string) => {
      const [contract, route] = routeWith(
        (_, { transport, ...rest }) =>
          transport === "rabbitmq" && "exchangeType" in rest && rest.exchangeType === type,
      );
      const encoded = encode(messageOf(contract, { producer: route.producerHeader }));
      return encoded.transport === "rabbitmq" && [encoded.publication.routingKey, contract.name];
    };
    const [direct, directName] = keyOf("direct") || [];
    expect(direct).toBe(directName);
    expect((keyOf("fanout") || [])[0]).toBe("images/2025/12/03/a.png");
  });

  test("nothing about a cause where there is none", () => {
    const encoded = encode(messageOf(named("analysis.recognition.request"), { causationId: null }));
    expect(encoded.transport === "rabbitmq" && encoded.publication.headers).not.toHaveProperty(
      "x-causation-id",
    );
  });

  test("nothing that the catalogue does not know", () => {
    expect(() => encode(messageOf(named("analysis.started"), { name: "unheard.of" }))).toThrow(
      expect.objectContaining({
        code: "E_MESSAGE_UNKNOWN",
        message: "there is no message named unheard.of",
      }),
    );
  });

  test("nothing that its schema refuses", () => {
    expect(() => encode(messageOf(named("analysis.started"), { payload: 5 }))).toThrow(
      expect.objectContaining({
        code: "E_MESSAGE_INVALID",
        message: expect.stringMatching(/^analysis\.started does not match its schema: ./),
        hint: "see `tu-analyze messages analysis.started --schema`",
      }),
    );
  });
});

describe("what is missing", () => {
  const contract = named("recognition.completed");
  const body = new TextEncoder().encode(JSON.stringify(contract.example));
  const subject = String(contract.example["objectKey"]);

  test("is taken from the contract, the place and the time of arrival", () => {
    expect(messageIn(arrived(contract))).toEqual({
      ...{ id: `kafka:t/0/7|${text(body)}`, name: contract.name, kind: contract.kind },
      ...{ flowId: `${subject}|flow`, causationId: null, subject },
      occurredAt: "2026-01-01T00:00:00.000Z",
      producer: contract.routes[0].producerHeader,
      ...{
        schema: contract.schemaId,
        headers: {},
        payload: contract.routes[0].body.parse(contract.example),
      },
    });
  });

  test("is taken from the headers where they have it; others are the message's own", () => {
    const headers = {
      ...{ "x-message-id": "a", "x-correlation-id": "b", "x-causation-id": "c" },
      ...{ "x-occurred-at": "d", "x-producer": "e", "x-schema": "f" },
      ...{ traceparent: "00-1", "x-attempt": "2" },
    };
    expect(messageIn(arrived(contract, { headers }))).toMatchObject({
      ...{ id: "a", flowId: "b", causationId: "c", occurredAt: "d", producer: "e", schema: "f" },
      headers: { traceparent: "00-1", "x-attempt": "2" },
    });
  });

  // A message whose payload does not identify its picture.
  const unidentified = allContracts()
    .flatMap((one) => one.routes.map((route) => ({ contract: one, route })))
    .map((one) => ({ ...one, anonymous: { ...one.contract.example } as Record<string, unknown> }))
    .map((one) => {
      delete one.anonymous["objectKey"];
      return one;
    })
    .filter(({ anonymous, route }) => route.body.safeParse(anonymous).success);

  test("a picture's key is the key of a log or of an exchange for all", () => {
    expect(unidentified.length).toBeGreaterThan(0);
    for (const { anonymous, contract: one, route } of unidentified) {
      const given = new TextEncoder().encode(JSON.stringify(anonymous));
      const headers = { "x-message-id": "m9" };
      const isForAll = route.transport === "kafka" || route.exchangeType === "fanout";
      const message = messageIn(arrived(one, { body: given, route, headers }));
      expect([one.name, message.subject]).toEqual([one.name, isForAll ? "the key" : ""]);
      // With no key at all, only the message's own identity is left.
      expect(message.flowId).toBe(isForAll ? "the key|flow" : "m9|flow");
    }
  });
});

describe("what cannot be read says why", () => {
  const contract = named("analysis.started");
  const reasonOf = (body: Uint8Array | string) => {
    const bytes = typeof body === "string" ? new TextEncoder().encode(body) : body;
    return decode(arrived(contract, { body: bytes }), ids as Ids);
  };
  const unreadable = (reason: unknown) => ({ readable: false, code: "E_MESSAGE_INVALID", reason });

  test("no text", () => {
    expect(reasonOf(Uint8Array.of(0xc3, 0x28))).toEqual(unreadable("the body is not UTF-8"));
  });
  test("no JSON", () => {
    expect(reasonOf("{ no")).toEqual(unreadable("the body is not JSON"));
  });
  test("not what the schema wants", () => {
    expect(reasonOf("5")).toEqual(unreadable(expect.stringMatching(/expected object/i)));
  });
});
