import { expect, test } from "vitest";
import { catalogue } from "../contracts/catalogue.ts";
import { flowNames } from "../contracts/contract.ts";
import { MessageReport, MessagesReport } from "../reports/messages.ts";
import { TopologyReport } from "../reports/topology.ts";
import { describeTopology } from "./describe-topology.ts";
import { bodiesOf, contractNamed, describeMessage, describeMessages } from "./messages.ts";

test("every message of the catalogue is described in the shape that is published", () => {
  const report = describeMessages();
  expect(MessagesReport.parse(report)).toEqual(report);
  expect(report.messages.map(({ name }) => name)).toEqual(catalogue.map(({ name }) => name));
  for (const contract of catalogue) {
    const one = describeMessage(contract);
    expect(MessageReport.parse(one)).toEqual(one);
  }
});

test("a route says where it goes, each transport in its own words", () => {
  const { routes } = describeMessage(contractNamed("tu.recognition.completed"));
  const [kafka, rabbit] = routes;
  expect(kafka).toMatchObject({
    ...{ transport: "kafka", topic: "tu.recognition.completed", key: "objectKey", casing: "camel" },
  });
  expect(kafka).not.toHaveProperty("exchange");
  expect(rabbit).toMatchObject({ transport: "rabbitmq", exchangeType: "fanout" });
  expect(rabbit).not.toHaveProperty("topic");
});

test("a name that is not in it gets the nearest one", () => {
  expect(() => contractNamed("analysis.complete")).toThrow(
    expect.objectContaining({
      code: "E_MESSAGE_UNKNOWN",
      hint: "did you mean analysis.completed?",
    }),
  );
  expect(() => contractNamed("zzzzzzzzzzzz")).toThrow(
    expect.objectContaining({ hint: "list them with `tu-analyze messages`" }),
  );
});

test("a message on two transports has a schema and an example of each, in its casing", () => {
  const twice = contractNamed("tu.recognition.completed");
  expect(bodiesOf(twice).map(({ jsonSchema }) => jsonSchema.$id)).toEqual([
    "recognition.completed.v1/kafka",
    "recognition.completed.v1/rabbitmq",
  ]);
  const once = contractNamed("tu.images.uploaded");
  expect(bodiesOf(once).map(({ jsonSchema }) => jsonSchema.title)).toEqual(["tu.images.uploaded"]);
  expect(Object.keys(bodiesOf(once)[0]?.example ?? {})).toContain("ObjectKey");
});

test.each(flowNames)("the topology of flow %s has the shape that is published", (flow) => {
  const report = describeTopology(flow);
  expect(TopologyReport.parse(report)).toEqual(report);
  expect(report.topics.map(({ name }) => name)).toContain("tu.images.uploaded");
});
