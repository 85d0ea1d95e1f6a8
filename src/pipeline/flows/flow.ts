import * as z from "zod";
import type { FlowName } from "../contracts/contract.ts";
import { type Definition, readDefinition } from "../engine/definition.ts";
import current from "./current.json" with { type: "json" };
import full from "./full.json" with { type: "json" };

const ExpectedHop = z.strictObject({
  name: z.string(),
  transport: z.string(),
  from: z.string(),
  to: z.string(),
});
export type ExpectedHop = Readonly<z.infer<typeof ExpectedHop>>;

/** A flow is data: its definition, and the hops its story must show, in order. */
export type Flow = {
  readonly name: FlowName;
  readonly definition: Definition;
  readonly hops: readonly ExpectedHop[];
};

const flows: Readonly<Record<FlowName, () => Flow>> = {
  current: () => readFlow("current", current),
  full: () => readFlow("full", full),
};

export function flowNamed(name: FlowName): Flow {
  return flows[name]();
}

function readFlow(name: FlowName, source: { definition: unknown; hops: unknown }): Flow {
  return {
    name,
    definition: readDefinition(source.definition),
    hops: z.array(ExpectedHop).parse(source.hops),
  };
}
