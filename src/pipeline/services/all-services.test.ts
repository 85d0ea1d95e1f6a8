import { expect, test } from "vitest";
import { sha256 } from "../../adapters/memory/ids.ts";
import { catalogue, inputsOf } from "../contracts/catalogue.ts";
import { flowNames } from "../contracts/contract.ts";
import { flowNamed } from "../flows/flow.ts";
import { type AllServicesPorts, allServices } from "./all-services.ts";

/** The services are only inspected; no port is called. */
const noPorts = {
  ...{ shell: {}, faults: {}, digest: sha256, vision: { atOnce: 5 } },
} as unknown as AllServicesPorts;

test.each(flowNames)("every consumer that the catalogue names in flow %s is built", (flowName) => {
  const services = allServices({ ...noPorts, flow: flowNamed(flowName) });
  const built = new Set(services.map(({ name }) => name));
  const named = catalogue.flatMap(({ routes }) =>
    routes.flatMap(({ consumers }) =>
      consumers.filter(({ flows }) => flows.includes(flowName)).map(({ service }) => service),
    ),
  );
  expect([...new Set(named)].filter((service) => !built.has(service))).toEqual([]);
});

test.each(flowNames)("every service of flow %s handles all that it is sent", (flowName) => {
  for (const { handlers, name, stateful } of allServices({ ...noPorts, flow: flowNamed(flowName) }))
    for (const { contract } of inputsOf(name, flowName))
      expect(stateful ?? handlers[contract.name], `${name}: ${contract.name}`).toBeTypeOf(
        "function",
      );
});

test.each(flowNames)("in flow %s the vision says how many pictures are read at a time", (flow) => {
  const services = allServices({ ...noPorts, flow: flowNamed(flow) });
  const adapter = services.find(({ name }) => name === "svc-ai-vision-adapter");
  expect(adapter?.prefetch).toBe(5);
});
