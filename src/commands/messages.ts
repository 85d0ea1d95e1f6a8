import { catalogue, findContract } from "../pipeline/contracts/catalogue.ts";
import type { Contract, Route } from "../pipeline/contracts/contract.ts";
import { exampleOn, schemaOn } from "../pipeline/delivery/wire-shape.ts";
import { exitCodes, TuError } from "../pipeline/errors.ts";
import { sourceOf } from "../pipeline/topology.ts";
import { publishedSchema } from "./json-schema.ts";
import { type Format, formatOf, printJson, printLine } from "./output.ts";
import { closest } from "./suggest.ts";

/** Options as commander has checked them. */
type Options = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly schema?: boolean;
  readonly example?: boolean;
};

export function messagesCommand(name: string | undefined, options: Options): number {
  const format = formatOf(options);
  const chosen = name === undefined ? catalogue : [contractNamed(name)];
  if (options.schema === true) printEach(chosen.flatMap(schemasOf), format);
  else if (options.example === true) printEach(chosen.flatMap(examplesOf), format);
  else if (format === "text") {
    const lines = name === undefined ? chosen.map(summaryLine) : chosen.flatMap(detailLines);
    for (const line of lines) printLine(line);
  } else if (format === "json" && name === undefined) {
    printJson({ schema: "tu-analyze/messages@1", messages: chosen.map(describe) }, format);
  } else {
    const described = chosen.map((contract) => ({
      schema: "tu-analyze/message@1",
      ...describe(contract),
    }));
    printEach(described, format);
  }
  return exitCodes.done;
}

/** One value is a document; several are a line each. */
function printEach(values: readonly unknown[], format: Format): void {
  const isDocument = values.length === 1 && format !== "jsonl";
  for (const value of values) printJson(value, isDocument ? "json" : "jsonl");
}

function contractNamed(name: string): Contract {
  const contract = findContract(name);
  if (contract !== undefined) return contract;
  const guess = closest(
    name,
    catalogue.map((candidate) => candidate.name),
  );
  throw new TuError("E_MESSAGE_UNKNOWN", `there is no message named ${name}`, {
    hint: guess === undefined ? "`tu-analyze messages` lists them" : `did you mean ${guess}?`,
  });
}

/** The body's JSON Schema on each route, in its spelling. */
function schemasOf({ name, routes, schemaId, summary }: Contract) {
  return routes.map((route) => {
    const isOnly = routes.length === 1;
    const title = isOnly ? name : `${name} on ${route.transport}`;
    return {
      $id: isOnly ? schemaId : `${schemaId}/${route.transport}`,
      ...{ title, description: summary },
      ...schemaOn(route, (body) => publishedSchema(body, "input")),
    };
  });
}

/** The body on each route, as it is written there. */
function examplesOf(contract: Contract) {
  return contract.routes.map((route) => exampleOn(contract, route));
}

function describe(contract: Contract) {
  const { example, flows, kind, name, routes, schemaId, summary } = contract;
  return { name, kind, summary, schemaId, flows, routes: routes.map(describeRoute), example };
}

function describeRoute(route: Route) {
  const { consumers, producer, transport } = route;
  const where =
    route.transport === "kafka"
      ? { topic: route.topic, key: "objectKey", casing: route.casing }
      : { exchange: route.exchange, exchangeType: route.exchangeType };
  return { transport, ...where, producer, consumers };
}

function summaryLine({ flows, kind, name, summary }: Contract): string {
  return `${name.padEnd(30)} ${kind.padEnd(8)} ${flows.join(",").padEnd(13)} ${summary}`;
}

function detailLines(contract: Contract): readonly string[] {
  return [
    `${contract.name}  (${contract.kind}, flows ${contract.flows.join(" and ")})`,
    `  ${contract.summary}`,
    `  x-schema: ${contract.schemaId}`,
    ...contract.routes.flatMap((route) => {
      const place =
        route.transport === "kafka"
          ? `topic ${route.topic}, key objectKey`
          : `${route.exchangeType} exchange ${route.exchange}`;
      return [
        `  ${route.transport}: ${place}, from ${route.producer}`,
        ...route.consumers.map(
          (consumer) =>
            `    → ${consumer.service} (${sourceOf(consumer, "*")}; ${consumer.flows.join(", ")})`,
        ),
      ];
    }),
    "  example:",
    ...JSON.stringify(contract.example, null, 2)
      .split("\n")
      .map((line) => `    ${line}`),
  ];
}
