import { packed, wrap } from "../adapters/terminal/wrap.ts";
import { catalogue } from "../pipeline/contracts/catalogue.ts";
import type { Contract, Route } from "../pipeline/contracts/contract.ts";
import { exitCodes } from "../pipeline/errors.ts";
import {
  bodiesOf,
  contractNamed,
  describeMessage,
  describeMessages,
} from "../pipeline/operations/messages.ts";
import { sourceOf } from "../pipeline/topology.ts";
import { type Format, formatOf, printJson, printLine } from "./output.ts";
import { columns } from "./terminal.ts";

/** Options as validated by commander. */
type Options = {
  readonly output?: Format;
  readonly json?: boolean;
  readonly schema?: boolean;
  readonly example?: boolean;
};

export function messagesCommand(name: string | undefined, options: Options): number {
  const format = formatOf(options);
  const chosen = name === undefined ? catalogue : [contractNamed(name)];
  const parts = [
    ...(options.schema === true ? (["jsonSchema"] as const) : []),
    ...(options.example === true ? (["example"] as const) : []),
  ];
  if (parts.length > 0) printBodies(chosen, parts, format);
  else if (format === "text") {
    const lines =
      name === undefined
        ? chosen.flatMap((contract) => summaryLines(contract, columns()))
        : chosen.flatMap((contract) => detailLines(contract, columns()));
    for (const line of lines) printLine(line);
  } else if (format === "json" && name === undefined) {
    printJson(describeMessages(), format);
  } else {
    for (const contract of chosen) printJson(describeMessage(contract), format);
  }
  return exitCodes.done;
}

type Part = "jsonSchema" | "example";
const labels: Readonly<Record<Part, string>> = { jsonSchema: "JSON Schema", example: "example" };

/** A single document is printed as it is, so that it can be stored; of several, each says what it is. */
function printBodies(contracts: readonly Contract[], parts: readonly Part[], format: Format): void {
  const bodies = contracts.flatMap(bodiesOf);
  const described = bodies.map(({ name, transport, ...body }) => ({
    ...{ name, transport },
    ...Object.fromEntries(parts.map((part) => [part, body[part]])),
  }));
  const documents = bodies.flatMap((body) => parts.map((part) => body[part]));
  if (format === "jsonl" && parts.length > 1) {
    for (const body of described)
      printJson({ schema: "tu-analyze/message-body@1", ...body }, format);
  } else if (format === "jsonl" || documents.length === 1) {
    for (const document of documents) printJson(document, format === "jsonl" ? format : "json");
  } else if (format === "json") {
    printJson({ schema: "tu-analyze/message-bodies@1", bodies: described }, format);
  } else printLine(bodies.flatMap((body) => labelled(body, parts)).join("\n\n"));
}

function labelled(body: Body, parts: readonly Part[]): readonly string[] {
  return parts.map((part) => {
    const label = `${body.name} on ${body.transport}, ${labels[part]}:`;
    return `${label}\n${JSON.stringify(body[part], null, 2)}`;
  });
}
type Body = ReturnType<typeof bodiesOf>[number];

/** Name, kind and flows. */
const factsWidth = 30 + 1 + 8 + 1 + 13 + 1;
/** A summary needs this many columns beside the facts; otherwise it goes below. */
const summaryMin = 40;

export function summaryLines(contract: Contract, width: number): readonly string[] {
  const { kind, name, summary } = contract;
  const flows = contract.flows.join(",");
  const beside = width - factsWidth;
  if (beside < summaryMin)
    return [
      ...packed([name, kind, flows], { first: "", next: "    ", width }),
      ...wrap(summary, width - 4).map((line) => `    ${line}`),
    ];
  const [first, ...others] = wrap(summary, beside);
  return [
    `${name.padEnd(30)} ${kind.padEnd(8)} ${flows.padEnd(13)} ${first}`,
    ...others.map((line) => " ".repeat(factsWidth) + line),
  ];
}

export function detailLines(contract: Contract, width: number): readonly string[] {
  const { example, flows, kind, name, routes, schemaId, summary } = contract;
  const facts = `(${kind}, flows ${flows.join(" and ")})`;
  return [
    ...packed([name, facts], { first: "", next: "    ", width }),
    ...wrap(summary, width - 2).map((line) => `  ${line}`),
    ...packed(["x-schema:", schemaId], { first: "  ", next: "      ", width, gap: " " }),
    ...routes.flatMap((route) => routeLines(route, width)),
    "  example:",
    ...JSON.stringify(example, null, 2)
      .split("\n")
      .map((line) => `    ${line}`),
  ];
}

function routeLines(route: Route, width: number): readonly string[] {
  const place =
    route.transport === "kafka"
      ? ["topic", `${route.topic},`, "key", "objectKey,"]
      : [route.exchangeType, "exchange", `${route.exchange},`];
  const words = [`${route.transport}:`, ...place, "from", route.producer];
  return [
    ...packed(words, { first: "  ", next: "      ", width, gap: " " }),
    ...route.consumers.flatMap((consumer) =>
      packed([consumer.service, `(${sourceOf(consumer, "*")};`, `${consumer.flows.join(", ")})`], {
        ...{ first: "    → ", next: "        ", width, gap: " " },
      }),
    ),
  ];
}
