import { packed } from "../adapters/terminal/wrap.ts";
import type { FlowName } from "../pipeline/contracts/contract.ts";
import { counted } from "../pipeline/counted.ts";
import { exitCodes } from "../pipeline/errors.ts";
import { describeTopology } from "../pipeline/operations/describe-topology.ts";
import type { Topology } from "../pipeline/topology.ts";
import { loadSettings } from "./config.ts";
import { formatOf, printJson, printLine } from "./output.ts";
import { columns } from "./terminal.ts";
import type { Work } from "./work.ts";

/** Options as validated by commander. */
type Options = {
  readonly flow?: FlowName;
  readonly output?: "text" | "json" | "jsonl" | "mermaid";
  readonly json?: boolean;
};

export async function topologyCommand(options: Options): Promise<Work> {
  const { flow } = await loadSettings({ flow: options.flow });
  return () => printTopology(flow, options);
}

function printTopology(flow: FlowName, options: Options): number {
  const topology = describeTopology(flow);
  const output = formatOf(options);
  if (output === "mermaid") printLine(mermaid(topology));
  else if (output === "text") for (const line of textLines(topology, columns())) printLine(line);
  else printJson(topology, output);
  return exitCodes.done;
}

export function textLines(topology: Topology, width: number): readonly string[] {
  const { bindings, exchanges, flow, queues, topics } = topology;
  const below = (parts: readonly string[]) => packed(parts, { first: "  ", next: "      ", width });
  const bound = (parts: readonly string[]) =>
    packed(parts, { first: "    → ", next: "        ", width });
  return [
    `flow ${flow}`,
    "",
    "Kafka topics",
    ...topics.flatMap(({ groups, name, partitions, producer }) =>
      below([name, counted(partitions, "partition"), `${producer} → ${groups.join(", ") || "-"}`]),
    ),
    "",
    "RabbitMQ exchanges",
    ...exchanges.flatMap(({ name, producer, type }) => [
      ...below([name, `${type}, durable`, `from ${producer}`]),
      ...bindings
        .filter(({ exchange }) => exchange === name)
        .flatMap(({ queue, routingKey }) => {
          const { consumer = "-", isPerInstance } = queues.find(({ name }) => name === queue) ?? {};
          const each = isPerInstance === true ? ", one per instance" : "";
          const key = routingKey === "" ? [] : [`[${routingKey}]`];
          return bound([queue, ...key, `(${consumer}${each})`]);
        }),
    ]),
  ];
}

function mermaid({ bindings, exchanges, queues, topics }: Topology): string {
  const id = (kind: string, name: string) => `${kind}_${name.replaceAll(/[^A-Za-z0-9]/g, "_")}`;
  const service = (name: string) => `${id("s", name)}["${name}"]`;
  return [
    "flowchart LR",
    ...topics.flatMap(({ groups, name, producer }) => [
      `  ${service(producer)} --> ${id("t", name)}[("${name}")]`,
      ...groups.map((group) => `  ${id("t", name)} --> ${service(group)}`),
    ]),
    ...exchanges.map(
      ({ name, producer }) => `  ${service(producer)} --> ${id("x", name)}{{"${name}"}}`,
    ),
    ...bindings.map(({ exchange, queue, routingKey }) => {
      const label = routingKey === "" ? "" : `|"${routingKey}"|`;
      return `  ${id("x", exchange)} -->${label} ${id("q", queue)}[/"${queue}"/]`;
    }),
    ...queues.map(({ consumer, name }) => `  ${id("q", name)} --> ${service(consumer)}`),
  ].join("\n");
}
