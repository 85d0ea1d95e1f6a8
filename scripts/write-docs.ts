// Writes the generated files: docs/messages.md, docs/errors.md, schemas/*.json, and hamming.wat as a module. With
// --check it writes nothing and fails if one of them does not match the sources.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import createWabt from "wabt";
import type * as z from "zod";
import { outputSchemas } from "../src/commands/schemas.ts";
import { catalogue } from "../src/pipeline/contracts/catalogue.ts";
import { type Contract, flowNames, type Route } from "../src/pipeline/contracts/contract.ts";
import { encode } from "../src/pipeline/delivery/wire.ts";
import { exampleOn, examplePayload, schemaOn } from "../src/pipeline/delivery/wire-shape.ts";
import { errorCodes, exitCodes, isInfrastructure, TuError } from "../src/pipeline/errors.ts";
import { flowNamed } from "../src/pipeline/flows/flow.ts";
import { publishedSchema } from "../src/pipeline/published-schema.ts";
import { sourceOf } from "../src/pipeline/topology.ts";

const root = join(import.meta.dirname, "..");
const isCheck = process.argv.includes("--check");
let stale = 0;

for (const [path, text] of [
  ["docs/messages.md", messagesPage()],
  ["docs/errors.md", errorsPage()],
  ["src/adapters/sqlite/hamming.ts", await wasmFile("src/adapters/sqlite/hamming.wat")],
  ...Object.entries(outputSchemas).map(([id, schema]) => [schemaPath(id), schemaFile(id, schema)]),
  ...catalogue.flatMap((contract) =>
    contract.routes.map((route) => [fixturePath(contract, route), wireFixture(contract, route)]),
  ),
] as const) {
  put(String(path), String(text));
}
if (isCheck) console.log(stale === 0 ? "generated files are up to date" : `${stale} are stale`);
process.exitCode = stale === 0 ? 0 : 1;

function put(path: string, text: string): void {
  const file = join(root, path);
  if (!isCheck) {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return;
  }
  if (read(file) === text) return;
  stale += 1;
  console.error(`${path} is stale: npm run docs`);
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined; // not written yet, hence stale
  }
}

async function wasmFile(path: string): Promise<string> {
  const wabt = await createWabt();
  const module = wabt.parseWat(path, readFileSync(join(root, path), "utf8"));
  module.validate();
  const bytes = Buffer.from(module.toBinary({}).buffer).toString("base64");
  return `/** hamming.wat as a WebAssembly module, in base64. Written by \`npm run docs\`. */\nexport const hammingModule =\n  "${bytes}";\n`;
}

function schemaPath(id: string): string {
  return `schemas/${id.replace("tu-analyze/", "").replace("@", ".v")}.json`;
}

function schemaFile(id: string, schema: z.ZodType): string {
  return `${JSON.stringify({ $id: id, ...publishedSchema(schema) }, null, 2)}\n`;
}

/** A message with several routes has one file per route. */
function fixturePath({ name, routes }: Contract, { transport }: Route): string {
  return `fixtures/messages/${routes.length === 1 ? name : `${name}.${transport}`}.json`;
}

/** The example as sent over a route: headers and body, for tests and for other tools. */
function wireFixture(contract: Contract, route: Route): string {
  const { kind, name, schemaId } = contract;
  const encoded = encode({
    id: "019ad2c0-6a51-7c1e-9d0f-5a3f0c2b7e11",
    name,
    kind,
    flowId: "019ad2c0-6a50-7b1d-8c0e-4a2e0b1a6d00",
    causationId: "019ad2c0-6a50-7f00-8000-000000000001",
    subject: "images/2025/12/03/9e4c1a77-2f0b-4d6e-b1c8-6a5d3f90e2b1.png",
    occurredAt: "2025-12-03T09:16:02.118Z",
    producer: route.producerHeader,
    schema: schemaId,
    headers: {},
    payload: examplePayload(contract, route),
  });
  const text = (bytes: Uint8Array | null) => new TextDecoder().decode(bytes ?? undefined);
  const where =
    encoded.transport === "kafka"
      ? {
          topic: encoded.record.topic,
          key: text(encoded.record.key),
          headers: Object.fromEntries(
            encoded.record.headers.map(({ name, value }) => [name, text(value)]),
          ),
          body: text(encoded.record.body),
        }
      : {
          exchange: encoded.publication.exchange,
          routingKey: encoded.publication.routingKey,
          headers: encoded.publication.headers,
          body: text(encoded.publication.body),
        };
  const fixture = { transport: encoded.transport, ...where };
  return `${JSON.stringify(fixture, null, 2)}\n`;
}

function messagesPage(): string {
  return [
    "# Messages",
    "",
    "Generated from the catalogue (`src/pipeline/contracts/`) by `npm run docs`; do not edit.",
    "",
    "| message | kind | flows | from → to | meaning |",
    "|---|---|---|---|---|",
    ...catalogue.map(
      ({ flows, kind, name, routes, summary }) =>
        `| [\`${name}\`](#${anchor(name)}) | ${kind} | ${flows.join(", ")} | ${routes.map(direction).join("; ")} | ${summary} |`,
    ),
    "",
    ...flowNames.flatMap(hopsSection),
    ...catalogue.flatMap(messageSection),
  ].join("\n");
}

function hopsSection(name: (typeof flowNames)[number]): readonly string[] {
  return [
    `## The hops of flow \`${name}\``,
    "",
    "| # | hop | transport | from | to |",
    "|---|---|---|---|---|",
    ...flowNamed(name).hops.map(
      (hop, index) =>
        `| ${index + 1} | \`${hop.name}\` | ${hop.transport} | ${hop.from} | ${hop.to} |`,
    ),
    "",
  ];
}

function messageSection(contract: Contract): readonly string[] {
  const { kind, name, routes, schemaId, summary } = contract;
  return [
    `## ${name}`,
    "",
    `${summary} (${kind}, \`x-schema: ${schemaId}\`)`,
    "",
    ...routes.flatMap((route) => [
      `- ${placeOf(route)}, from ${route.producer}`,
      ...route.consumers.map(
        (consumer) =>
          `  - ${consumer.service} by \`${sourceOf(consumer, "*")}\` (${consumer.flows.join(", ")}${consumer.isEphemeral === true ? "; news only" : ""})`,
      ),
      "",
      "  | field | type |",
      "  |---|---|",
      ...fieldsOf(route).map(([field, type]) => `  | \`${field}\` | ${type} |`),
      "",
      "```json",
      JSON.stringify(exampleOn(contract, route), null, 2),
      "```",
      "",
    ]),
  ];
}

type JsonSchema = {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly enum?: readonly unknown[];
};

function fieldsOf(route: Route): readonly (readonly [string, string])[] {
  // The part of an object's JSON Schema that is read here.
  const schema = schemaOn(route) as JsonSchema;
  return Object.entries(schema.properties ?? {}).map(([field, property]) => [
    field,
    `${typeOf(property)}${schema.required?.includes(field) === true ? "" : ", optional"}`,
  ]);
}

function typeOf(schema: JsonSchema): string {
  if (schema.anyOf !== undefined) return schema.anyOf.map(typeOf).join(" or ");
  if (schema.enum !== undefined) return schema.enum.map(String).join(", ");
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  return String(schema.type ?? "any");
}

function placeOf(route: Route): string {
  return route.transport === "kafka"
    ? `Kafka topic \`${route.topic}\` (key: object key, ${route.casing} case)`
    : `RabbitMQ ${route.exchangeType} exchange \`${route.exchange}\``;
}

function direction({ consumers, producer }: Route): string {
  return `${producer} → ${consumers.map(({ service }) => service).join(", ")}`;
}

function anchor(name: string): string {
  return name.replaceAll(".", "");
}

function errorsPage(): string {
  return [
    "# Errors and exit codes",
    "",
    "Generated from `src/pipeline/errors.ts` by `npm run docs`; do not edit.",
    "",
    "| exit code | meaning |",
    "|---|---|",
    ...Object.entries(exitCodes).map(([name, code]) => `| ${code} | ${spaced(name)} |`),
    "",
    "A message that fails with an infrastructure error is redelivered until the error is resolved; it is never parked for that reason.",
    "",
    "| code | exit code | retryable | infrastructure error |",
    "|---|---|---|---|",
    ...errorCodes
      .map((code) => new TuError(code, ""))
      .map(
        ({ code, exitCode, retryable }) =>
          `| \`${code}\` | ${exitCode} | ${yesOrNo(retryable)} | ${yesOrNo(isInfrastructure(code))} |`,
      ),
    "",
  ].join("\n");
}

function yesOrNo(value: boolean): string {
  return value ? "yes" : "no";
}

function spaced(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}
