import { expect, test } from "vitest";
import { createMemoryBroker } from "../../adapters/memory/broker.ts";
import { createMemoryEventLog } from "../../adapters/memory/event-log.ts";
import { sampleMessage } from "../../adapters/testing/samples.ts";
import { findContract } from "../contracts/catalogue.ts";
import type { Message } from "../message.ts";
import { consumersOf, createPublish } from "./publish.ts";

function messageOf(name: string, producer: string): Message {
  const contract = findContract(name);
  return sampleMessage({ id: "m1", name, producer, payload: contract?.example });
}

test("a message has the durable receivers of its flow, and not those of news", () => {
  const upload = messageOf("tu.image.uploaded", "svc-messaging-bridge");
  expect(consumersOf(upload, "full")).toEqual(["svc-analysis-orchestrator"]);
  expect(consumersOf({ ...upload, producer: "nobody" }, "full")).toEqual([]);
  expect(consumersOf({ ...upload, name: "no.such.message" }, "full")).toEqual([]);
  for (const flow of ["full", "current"] as const) {
    const contract = findContract("analysis.completed");
    for (const route of contract?.routes ?? []) {
      const durable = route.consumers.filter(
        ({ flows, isEphemeral }) => flows.includes(flow) && isEphemeral !== true,
      );
      const end = messageOf("analysis.completed", route.producerHeader);
      expect(consumersOf(end, flow)).toEqual(durable.map(({ service }) => service));
    }
  }
});

test("a message that must have a receiver but reached no queue is not sent", async () => {
  const broker = createMemoryBroker();
  const log = createMemoryEventLog();
  const publish = createPublish({ broker, log }, "full");
  const upload = messageOf("tu.image.uploaded", "svc-messaging-bridge");
  await broker.declare({
    exchanges: [{ name: "tu.image.uploaded", type: "fanout" }],
    queues: [],
    bindings: [],
  });
  await expect(publish(upload)).rejects.toMatchObject({
    code: "E_UNROUTABLE",
    message: "no queue accepted tu.image.uploaded (m1)",
    hint: "compare the broker with `tu-analyze topology`",
  });
});
