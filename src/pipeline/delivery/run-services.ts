import { inputsOf } from "../contracts/catalogue.ts";
import type { Contract, FlowName, Route } from "../contracts/contract.ts";
import type {
  Broker,
  EventLog,
  LogDelivery,
  QueueDelivery,
  Subscription,
  Timers,
} from "../ports.ts";
import { toIso } from "../time.ts";
import { topologyOf } from "../topology.ts";
import { arrivedFromLog, arrivedFromQueue } from "./arrived.ts";
import { type Consumer, createConsumer } from "./consume.ts";
import type { Service } from "./service.ts";
import type { ShellPorts } from "./shell.ts";
import type { Settle } from "./troubles.ts";

export type RunPorts = ShellPorts & {
  readonly log: EventLog;
  readonly broker: Broker;
  readonly timers: Timers;
};

/** Declares what a flow needs on the brokers. Idempotent. */
export async function declareTopology(
  flow: FlowName,
  { broker, log }: Pick<RunPorts, "broker" | "log">,
): Promise<void> {
  const topology = topologyOf(flow);
  for (const { name, partitions } of topology.topics) await log.createTopic({ name, partitions });
  await broker.declare({
    exchanges: topology.exchanges.map(({ name, type }) => ({ name, type })),
    queues: topology.queues.map(({ name }) => ({ name })),
    bindings: topology.bindings,
  });
}

/**
 * Connects a service to everything it listens to in `flow`. The subscription takes no further
 * message once closed and resolves when the handlers under way have ended.
 */
export async function runService(
  service: Service,
  flow: FlowName,
  ports: RunPorts,
): Promise<Subscription> {
  const consumer = createConsumer(service, ports);
  const inputs = inputsOf(service.name, flow);
  const subscriptions = [
    ports.timers.consume(service.name, (timer) => consumer.onTimer(timer)),
    ...(await subscribeLog(service, inputs, consumer, ports)),
    ...(await subscribeQueues(service, inputs, consumer, ports)),
  ];
  return {
    async close() {
      consumer.stop();
      await Promise.all(subscriptions.map((subscription) => subscription.close()));
    },
  };
}

type Input = { readonly contract: Contract; readonly route: Route; readonly source: string };

async function subscribeLog(
  service: Service,
  inputs: readonly Input[],
  consumer: Consumer,
  { clock, log }: RunPorts,
): Promise<readonly Subscription[]> {
  const fromLog = inputs.filter(({ route }) => route.transport === "kafka");
  const group = fromLog[0]?.source ?? service.name;
  const byTopic = new Map(
    fromLog.map((input) => [input.route.transport === "kafka" ? input.route.topic : "", input]),
  );
  if (byTopic.size === 0) return [];
  const onRecord = (delivery: LogDelivery): Promise<void> => {
    const input = byTopic.get(delivery.topic);
    if (input === undefined) return delivery.commit(); // not subscribed to: cannot arrive
    return consumer.onArrived(arrivedFromLog(delivery, input, toIso(clock.nowMs())), {
      done: () => delivery.commit(),
      again: (delayMs) => delivery.retry(delayMs),
    });
  };
  const topics = [...byTopic.keys()];
  const window = service.prefetch;
  return [await log.subscribe({ group, topics, from: "earliest", window }, onRecord)];
}

async function subscribeQueues(
  service: Service,
  inputs: readonly Input[],
  consumer: Consumer,
  { broker, clock }: RunPorts,
): Promise<readonly Subscription[]> {
  const fromQueues = inputs.filter(({ route }) => route.transport === "rabbitmq");
  return Promise.all(
    fromQueues.map((input) =>
      broker.consume({ queue: input.source, prefetch: service.prefetch }, (delivery) =>
        consumer.onArrived(
          arrivedFromQueue(delivery, input, {
            source: input.source,
            receivedAt: toIso(clock.nowMs()),
          }),
          settleQueue(delivery),
        ),
      ),
    ),
  );
}

function settleQueue(delivery: QueueDelivery): Settle {
  return {
    done: () => delivery.ack(),
    again: (delayMs) => delivery.nack({ requeue: true, delayMs }),
  };
}
