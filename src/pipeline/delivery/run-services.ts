import { type Input, inputsOf } from "../contracts/catalogue.ts";
import type { FlowName } from "../contracts/contract.ts";
import type { Broker, QueueDelivery } from "../ports/broker.ts";
import type { EventLog, LogDelivery } from "../ports/event-log.ts";
import type { Timers } from "../ports/timers.ts";
import type { Subscription } from "../ports/transport.ts";
import { toIso } from "../time.ts";
import { instanceTopologyOf, sharedTopologyOf, sourceOf } from "../topology.ts";
import { type Consumer, createConsumer } from "./consume.ts";
import { deliveryFromLog, deliveryFromQueue } from "./delivery.ts";
import type { Settle } from "./delivery-failures.ts";
import type { Service } from "./service.ts";
import type { ShellPorts } from "./shell.ts";

export type RunPorts = ShellPorts & {
  readonly log: EventLog;
  readonly broker: Broker;
  readonly timers: Timers;
};

/** Declares everything a flow needs on the brokers, whichever instances run. Idempotent. */
export async function declareTopology(
  flow: FlowName,
  { broker, log }: Pick<RunPorts, "broker" | "log">,
): Promise<void> {
  const { bindings, exchanges, queues, topics } = sharedTopologyOf(flow);
  for (const { name, partitions } of topics) await log.createTopic({ name, partitions });
  await broker.declare({
    exchanges: exchanges.map(({ name, type }) => ({ name, type })),
    queues: queues.map(({ name }) => ({ name })),
    bindings,
  });
}

/**
 * Connects a service to all of its inputs in `flow`. Closing the subscription stops new messages, and resolves when
 * the running handlers have finished.
 */
export function runService(
  service: Service,
  flow: FlowName,
  ports: RunPorts,
): Promise<Subscription> {
  return connect(service, inputsOf(service.name, flow), ports);
}

/** Inputs per instance come from queues and groups whose names cannot collide. */
export async function connect(
  service: Service,
  inputs: readonly Input[],
  ports: RunPorts,
): Promise<Subscription> {
  const consumer = createConsumer(service, ports);
  const instance = ports.ids.create();
  const own = instanceTopologyOf(inputs, instance);
  if (own.queues.length > 0) await ports.broker.declare(own);
  const subscriptions = [
    ports.timers.consume(service.name, (timer) => consumer.onTimer(timer)),
    ...(await subscribeLog(inputs, { consumer, instance, service }, ports)),
    ...(await subscribeQueues(inputs, { consumer, instance, service }, ports)),
  ];
  return {
    async close() {
      consumer.stop();
      await Promise.all(subscriptions.map((subscription) => subscription.close()));
    },
  };
}

type Instance = {
  readonly service: Service;
  readonly consumer: Consumer;
  readonly instance: string;
};

/** One subscription for the inputs that instances share, and one for those per instance. */
async function subscribeLog(
  inputs: readonly Input[],
  listening: Instance,
  ports: RunPorts,
): Promise<readonly Subscription[]> {
  const fromLog = inputs.filter(({ route }) => route.transport === "kafka");
  const own = fromLog.filter(({ consumer }) => consumer.isPerInstance === true);
  const shared = fromLog.filter((input) => !own.includes(input));
  return [
    ...(await subscribeTopics(shared, "earliest", listening, ports)),
    ...(await subscribeTopics(own, "latest", listening, ports)),
  ];
}

async function subscribeTopics(
  inputs: readonly Input[],
  from: "earliest" | "latest",
  { consumer, instance, service }: Instance,
  { clock, log }: RunPorts,
): Promise<readonly Subscription[]> {
  const [first] = inputs;
  if (first === undefined) return [];
  const byTopic = new Map(
    inputs.map((input) => [input.route.transport === "kafka" ? input.route.topic : "", input]),
  );
  const onRecord = (delivery: LogDelivery): Promise<void> => {
    const input = byTopic.get(delivery.topic);
    if (input === undefined) return delivery.commit(); // not subscribed to, so it cannot arrive
    return consumer.onArrived(deliveryFromLog(delivery, input, toIso(clock.nowMs())), {
      done: () => delivery.commit(),
      again: (delayMs) => delivery.retry(delayMs),
    });
  };
  const group = sourceOf(first.consumer, instance);
  const topics = [...byTopic.keys()];
  return [await log.subscribe({ group, topics, from, window: service.prefetch }, onRecord)];
}

async function subscribeQueues(
  inputs: readonly Input[],
  { consumer, instance, service }: Instance,
  { broker, clock }: RunPorts,
): Promise<readonly Subscription[]> {
  const fromQueues = inputs.filter(({ route }) => route.transport === "rabbitmq");
  return Promise.all(
    fromQueues.map((input) => {
      const queue = sourceOf(input.consumer, instance);
      return broker.consume({ queue, prefetch: service.prefetch }, (delivery) =>
        consumer.onArrived(
          deliveryFromQueue(delivery, input, toIso(clock.nowMs())),
          settleQueue(delivery),
        ),
      );
    }),
  );
}

function settleQueue(delivery: QueueDelivery): Settle {
  return {
    done: () => delivery.ack(),
    again: (delayMs) => delivery.nack({ requeue: true, delayMs }),
  };
}
