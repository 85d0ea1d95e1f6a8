import { expect, test } from "vitest";
import * as z from "zod";
import { catalogue, findContract } from "../contracts/catalogue.ts";
import { fromUtf8 } from "./bytes.ts";
import { encode } from "./wire.ts";
import { exampleOn, examplePayload, schemaOn } from "./wire-shape.ts";

const routes = catalogue.flatMap((contract) =>
  contract.routes.map(
    (route) => [`${contract.name} on ${route.transport}`, contract, route] as const,
  ),
);
const isValid = (schema: Record<string, unknown>, body: unknown) =>
  z.fromJSONSchema(schema).safeParse(body).success;

test.each(routes)(
  "%s: schema and example are those of the body that is sent",
  (_, contract, route) => {
    const encoded = encode({
      ...{ id: "m1", name: contract.name, kind: contract.kind, flowId: "f1", causationId: null },
      ...{ subject: "k", occurredAt: "2025-12-03T09:16:02.118Z", producer: route.producerHeader },
      ...{ schema: contract.schemaId, headers: {}, payload: examplePayload(contract, route) },
    });
    expect(encoded.route).toBe(route);
    const { body } = encoded.transport === "kafka" ? encoded.record : encoded.publication;
    const sent: unknown = JSON.parse(fromUtf8(body) ?? "");
    expect(sent).toEqual(exampleOn(contract, route));
    expect(isValid(schemaOn(route), sent)).toBe(true);
    expect(isValid(schemaOn(route), {})).toBe(false);
  },
);

test("the upload is PascalCase on Kafka, and its checksum has any case", () => {
  const contract = findContract("tu.images.uploaded");
  if (contract === undefined) throw new Error("no upload");
  const [route] = contract.routes;
  const example = exampleOn(contract, route);
  expect(Object.keys(example).slice(0, 2)).toEqual(["UploadId", "ObjectKey"]);
  const schema = schemaOn(route);
  const Checksum = `SHA256:${"7C0E".repeat(16)}`;
  expect(isValid(schema, { ...example, Checksum })).toBe(true);
  expect(isValid(schema, { ...example, Checksum: "md5:7c0e" })).toBe(false);
  const { ObjectKey: _, ...keyless } = example;
  expect(isValid(schema, keyless)).toBe(false);
});

test("behind the bridge a result has a type, and no machineType", () => {
  const contract = findContract("tu.recognition.completed");
  const route = contract?.routes[1];
  if (contract === undefined || route === undefined) throw new Error("no result");
  const { aggregate } = exampleOn(contract, route);
  expect(aggregate).toMatchObject({ type: "Excavator" });
  expect(aggregate).not.toHaveProperty("machineType");
});
