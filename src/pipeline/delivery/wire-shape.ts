import * as z from "zod";
import type { Contract, Route } from "../contracts/contract.ts";
import { respell } from "./tolerant.ts";

// The shape of a body on one route: the same event has two spellings, and different fields behind the bridge.

type JsonObject = Record<string, unknown>;

/** Top-level keys in the route's casing. */
export function spelled(route: Route, payload: Readonly<JsonObject>): JsonObject {
  return Object.fromEntries(
    Object.entries(payload).map(([key, value]) => [spelledKey(route, key), value]),
  );
}

function spelledKey(route: Route, key: string): string {
  const isPascal = route.transport === "kafka" && route.casing === "pascal";
  return isPascal ? key.charAt(0).toUpperCase() + key.slice(1) : key;
}

/** The contract's example as a payload of that route. */
export function examplePayload({ example }: Contract, { body }: Route): JsonObject {
  return body.parse(respell(body, example));
}

/** The same in the route's spelling. */
export const exampleOn = (contract: Contract, route: Route): JsonObject =>
  spelled(route, examplePayload(contract, route));

/** What readers accept on that route, as JSON Schema. */
export function schemaOn(
  route: Route,
  asJsonSchema: (body: z.ZodType) => JsonObject = forReaders,
): JsonObject {
  const schema = asJsonSchema(route.body);
  const { properties, required } = schema;
  return {
    ...schema,
    // The schema of an object has these two, in JSON Schema's format.
    properties: spelled(route, properties as JsonObject),
    required: ((required ?? []) as readonly string[]).map((key) => spelledKey(route, key)),
  };
}

const forReaders = (body: z.ZodType): JsonObject => z.toJSONSchema(body, { io: "input" });
