import { expect, test } from "vitest";
import { catalogue, consumersIn, inputsOf } from "./contracts/catalogue.ts";
import { flowNames } from "./contracts/contract.ts";
import { flowNamed } from "./flows/flow.ts";
import { instanceTopologyOf, sharedTopologyOf, topologyOf } from "./topology.ts";

test("flow current declares exactly what the real services declare, and what failures need", () => {
  const { bindings, exchanges, topics } = topologyOf("current");
  expect(topics.map(({ name, partitions }) => [name, partitions])).toEqual([
    ["tu.images.uploaded", 4],
    ["tu.recognition.completed", 4],
    ["tu.dead-letters", 1],
  ]);
  expect(exchanges.map(({ name, type }) => [name, type])).toEqual([
    ["tu.image.uploaded", "fanout"],
    ["analysis.started", "fanout"],
    ["recognition.failed", "fanout"],
    ["tu.recognition.completed", "fanout"],
    ["analysis.completed", "fanout"],
    ["analysis.failed", "fanout"],
    ["tu.dead-letters", "topic"],
  ]);
  const real = bindings.filter(({ queue }) => /^(orchestrator|graph\.subs)\./.test(queue));
  expect(real).toEqual([
    { exchange: "tu.image.uploaded", queue: "orchestrator.image-uploaded", routingKey: "" },
    { exchange: "analysis.started", queue: "graph.subs.started.*", routingKey: "" },
    {
      exchange: "tu.recognition.completed",
      queue: "orchestrator.recognition-completed",
      routingKey: "",
    },
    { exchange: "analysis.completed", queue: "graph.subs.completed.*", routingKey: "" },
  ]);
});

test("the gateway's inputs have a queue per instance, which no other service declares", () => {
  for (const flow of flowNames) {
    const { queues } = topologyOf(flow);
    const own = queues.filter(({ consumer }) => consumer === "graph-gateway");
    expect(own.length).toBeGreaterThan(2);
    for (const queue of own)
      expect(queue).toMatchObject({ durable: false, exclusive: true, autoDelete: true });
    const shared = sharedTopologyOf(flow);
    expect(shared.queues).toEqual(queues.filter((queue) => !own.includes(queue)));
    expect(shared.bindings.filter(({ queue }) => queue.endsWith("*"))).toEqual([]);
  }
  const inputs = inputsOf("graph-gateway", "current");
  const mine = instanceTopologyOf(inputs, "1");
  expect(mine.queues.map(({ name }) => name)).toContain("graph.subs.started.1");
  expect(mine.bindings).toHaveLength(mine.queues.length);
});

test("flow full has one queue per command and the vision adapter does not read uploads", () => {
  const { bindings, topics } = topologyOf("full");
  expect(bindings.filter(({ exchange }) => exchange === "analysis.commands")).toEqual([
    {
      exchange: "analysis.commands",
      queue: "svc-ai-vision-adapter.recognition",
      routingKey: "analysis.recognition.request",
    },
    {
      exchange: "analysis.commands",
      queue: "comparison-service.comparison",
      routingKey: "analysis.comparison.request",
    },
    {
      exchange: "analysis.commands",
      queue: "metadata-service.metadata",
      routingKey: "analysis.metadata.request",
    },
  ]);
  expect(topics[0]?.groups).toEqual(["svc-messaging-bridge"]);
});

test("every success event of a step has a failure counterpart, and every hop of a flow is declared", () => {
  const names = catalogue.map(({ name }) => name);
  for (const flow of flowNames) {
    const { definition, hops } = flowNamed(flow);
    for (const { reply } of definition.steps) {
      expect(names).toContain(reply.completed);
      expect(names).toContain(reply.failed);
    }
    for (const { from, name, to } of hops.filter(({ transport }) =>
      ["kafka", "rabbitmq"].includes(transport),
    )) {
      const isDeclared = catalogue.some((contract) =>
        contract.routes.some(
          (route) =>
            contract.name === name &&
            route.producer === from &&
            consumersIn(route, flow).some(({ service }) => service === to),
        ),
      );
      expect(isDeclared, `${flow}: ${name} ${from} → ${to}`).toBe(true);
    }
  }
});
