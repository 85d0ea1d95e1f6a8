import { afterEach, beforeEach, expect, test } from "vitest";
import { createMemoryBroker, type MemoryBroker } from "../../adapters/memory/broker.ts";
import { createMemoryEventLog, type MemoryEventLog } from "../../adapters/memory/event-log.ts";
import { createRandomIds } from "../../adapters/memory/ids.ts";
import { createMemoryJournal } from "../../adapters/memory/journal.ts";
import { createCollector } from "../../adapters/testing/collector.ts";
import { findContract, type Input, inputsOf } from "../contracts/catalogue.ts";
import type { Contract } from "../contracts/contract.ts";
import type { Message } from "../message.ts";
import { aborted } from "../or-aborted.ts";
import type { Broker } from "../ports/broker.ts";
import type { EventLog } from "../ports/event-log.ts";
import { createGraphGateway } from "../services/graph-gateway.ts";
import { createPublish } from "./publish.ts";
import { connect, declareTopology, type RunPorts, runService } from "./run-services.ts";
import { nothing, type Service } from "./service.ts";
import { believing, idleTimers, takingRelay } from "./shell.samples.ts";

let broker: MemoryBroker;
let log: MemoryEventLog;

beforeEach(() => {
  broker = createMemoryBroker();
  log = createMemoryEventLog();
});
afterEach(async () => {
  await broker.close();
  await log.close();
});

const flow = "full";
const shared = createMemoryJournal();
const ids = createRandomIds();

function portsOf(transports: { broker: Broker; log: EventLog }) {
  const publishOne = createPublish(transports, flow);
  const publish = async (messages: readonly Message[]) => {
    for (const message of messages) await publishOne(message);
  };
  const ports: RunPorts = {
    ...transports,
    journal: createMemoryJournal(),
    ids,
    clock: { nowMs: () => 1_767_225_600_000, sleep: async () => undefined },
    timers: idleTimers,
    reporter: { hop: () => undefined, notice: () => undefined },
    handsOnEarly: false,
    links: believing,
    relay: takingRelay((messages) => void publish(messages)),
  };
  return { ...ports, publish };
}

function messageOf({ contract, route }: Pick<Input, "contract" | "route">): Message {
  return {
    id: ids.create(),
    name: contract.name,
    kind: contract.kind,
    flowId: "f1",
    causationId: null,
    subject: "images/a.png",
    occurredAt: "2026-01-01T00:00:00.000Z",
    producer: route.producerHeader,
    schema: contract.schemaId,
    headers: {},
    payload: contract.example,
  };
}

/** An instance of the gateway in its own process, and what its clients receive. */
async function openGateway(journal = createMemoryJournal()) {
  const connection = broker.connect();
  const heard = createCollector<string>();
  const gateway = createGraphGateway(flow, { publish: ({ name }) => heard.add(name) });
  const ports = { ...portsOf({ broker: connection, log }), journal };
  await declareTopology(flow, ports);
  const subscription = await runService(gateway, flow, ports);
  return { connection, heard, ports, close: () => subscription.close() };
}

test.each([
  ["with a journal each", () => [createMemoryJournal(), createMemoryJournal()]],
  ["on one journal", () => Array.from({ length: 2 }, () => shared)],
])("every instance of the gateway hears every event, once, %s", async (_, journals) => {
  const gateways: Awaited<ReturnType<typeof openGateway>>[] = [];
  for (const journal of journals()) gateways.push(await openGateway(journal));
  const inputs = inputsOf("graph-gateway", flow);
  const names = inputs.map(({ contract }) => contract.name).sort();
  expect(names).toContain("analysis.completed");
  await gateways[0]?.ports.publish(inputs.map(messageOf));
  for (const { heard } of gateways)
    expect([...(await heard.atLeast(names.length))].sort()).toEqual(names);
  for (const { connection } of gateways) await connection.close();
  for (const { heard } of gateways) expect(heard.items).toHaveLength(names.length);
});

test("an instance that is gone leaves no queue behind, and the others continue", async () => {
  const [stays, goes] = [await openGateway(), await openGateway()];
  await goes.close();
  await goes.connection.close();
  const [input] = inputsOf("graph-gateway", flow);
  if (input?.route.transport !== "rabbitmq") throw new Error("the gateway listens to RabbitMQ");
  await stays.ports.publish([messageOf(input)]);
  expect(await stays.heard.atLeast(1)).toEqual([input.contract.name]);
  await stays.connection.close();
  const { exchange } = input.route;
  const properties = { contentType: "application/json" };
  const body = Uint8Array.of(1);
  const unheard = broker.publish({ exchange, routingKey: "", headers: {}, properties, body });
  expect(await unheard).toEqual({ routed: false });
});

test("a gateway receives events again after its connection was lost", async () => {
  const gateway = await openGateway();
  gateway.connection.lose();
  gateway.connection.restore();
  const [input] = inputsOf("graph-gateway", flow);
  if (input === undefined) throw new Error("the gateway listens to nothing");
  await gateway.ports.publish([messageOf(input)]);
  expect(await gateway.heard.atLeast(1)).toEqual([input.contract.name]);
  await gateway.connection.close();
});

test("publishing an event consumed only per instance succeeds with none running", async () => {
  const ports = portsOf({ broker, log });
  await declareTopology(flow, ports);
  const [news] = inputsOf("graph-gateway", flow);
  const [command] = inputsOf("comparison-service", flow);
  if (news === undefined || command === undefined) throw new Error("nobody listens");
  await ports.publish([messageOf(news), messageOf(command)]);
  const bare = portsOf({ broker: createMemoryBroker(), log });
  const { exchange } = command.route as { exchange: string }; // commands travel on RabbitMQ
  const exchanges = [{ name: exchange, type: "direct" as const }];
  await bare.broker.declare({ exchanges, queues: [], bindings: [] });
  await expect(bare.publish([messageOf(command)])).rejects.toMatchObject({ code: "E_UNROUTABLE" });
});

test("on Kafka each instance has a group of its own, starting at the latest record", async () => {
  const contract = findContract("tu.images.uploaded") as Contract; // it is in the catalogue
  const consumer = {
    service: "graph-gateway",
    source: "graph-gateway",
    flows: [flow],
    isEphemeral: true,
    isPerInstance: true,
  } as const;
  const route = { ...contract.routes[0], consumers: [consumer] };
  const input: Input = { contract, route, consumer };
  const ports = portsOf({ broker, log });
  await declareTopology(flow, ports);
  await ports.publish([messageOf(input)]);
  const heard = [createCollector<string>(), createCollector<string>()];
  for (const collector of heard) {
    const service: Service = {
      name: "graph-gateway",
      endpoints: [],
      handlers: {
        [contract.name]: async ({ id }) => {
          collector.add(id);
          return nothing;
        },
      },
      prefetch: 4,
    };
    await connect(service, [input], portsOf({ broker, log }));
  }
  const later = messageOf(input);
  await ports.publish([later]);
  for (const collector of heard) expect(await collector.atLeast(1)).toEqual([later.id]);
});

test("messages from before a service started are processed; once closed it takes no more", async () => {
  const contract = findContract("tu.images.uploaded") as Contract; // it is in the catalogue
  const ports = portsOf({ broker, log });
  await declareTopology(flow, ports);
  const [input] = inputsOf("svc-messaging-bridge", flow);
  if (input === undefined) throw new Error("the bridge listens to nothing");
  const [before, after] = [messageOf(input), messageOf(input)];
  await ports.publish([before]);
  const heard = createCollector<string>();
  let isStopped = false;
  const service: Service = {
    name: "svc-messaging-bridge",
    endpoints: [],
    handlers: {
      [contract.name]: async ({ id }, signal) => {
        heard.add(id);
        await aborted(signal);
        isStopped = true;
        return nothing;
      },
    },
    prefetch: 4,
  };
  const subscription = await runService(service, flow, ports);
  expect(await heard.atLeast(1)).toEqual([before.id]);
  expect(isStopped).toBe(false);
  await subscription.close();
  expect(isStopped).toBe(true);
  await ports.publish([after]);
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(heard.items).toEqual([before.id]);
});
