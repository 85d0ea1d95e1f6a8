import { catalogue } from "../pipeline/contracts/catalogue.ts";
import type { Contract } from "../pipeline/contracts/contract.ts";
import { exitCodes } from "../pipeline/errors.ts";
import {
  contractNamed,
  describeMessage,
  describeMessages,
  examplesOf,
  schemasOf,
} from "../pipeline/operations/messages.ts";
import { sourceOf } from "../pipeline/topology.ts";
import { type Format, formatOf, printJson, printLine } from "./output.ts";

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
  if (options.schema === true) printEach(chosen.flatMap(schemasOf), format);
  else if (options.example === true) printEach(chosen.flatMap(examplesOf), format);
  else if (format === "text") {
    const lines = name === undefined ? chosen.map(summaryLine) : chosen.flatMap(detailLines);
    for (const line of lines) printLine(line);
  } else if (format === "json" && name === undefined) {
    printJson(describeMessages(), format);
  } else {
    printEach(chosen.map(describeMessage), format);
  }
  return exitCodes.done;
}

/** A single value is a document; several are printed one per line. */
function printEach(values: readonly unknown[], format: Format): void {
  const isDocument = values.length === 1 && format !== "jsonl";
  for (const value of values) printJson(value, isDocument ? "json" : "jsonl");
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
