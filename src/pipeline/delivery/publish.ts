import { findContract } from "../contracts/catalogue.ts";
import type { FlowName, Route } from "../contracts/contract.ts";
import { TuError } from "../errors.ts";
import type { Message } from "../message.ts";
import type { Broker } from "../ports/broker.ts";
import type { EventLog } from "../ports/event-log.ts";
import { deadLetterName, toDeadLetter } from "./dead-letter.ts";
import { encode } from "./wire.ts";

export type Transports = { readonly log: EventLog; readonly broker: Broker };
export type Publish = (message: Message) => Promise<void>;

/**
 * Sends a recorded message. Resolves when the transport has taken it; throws E_UNROUTABLE when the broker has no
 * queue for a message that must have a receiver.
 */
export function createPublish({ log, broker }: Transports, flow: FlowName): Publish {
  return (message) =>
    message.name === deadLetterName ? publishDeadLetter(message) : publishMessage(message);

  async function publishMessage(message: Message): Promise<void> {
    const encoded = encode(message);
    if (encoded.transport === "kafka") {
      await log.append(encoded.record);
      return;
    }
    const { routed } = await broker.publish(encoded.publication);
    if (!routed && isAwaited(encoded.route, flow)) {
      throw new TuError("E_UNROUTABLE", `no queue accepted ${message.name} (${message.id})`, {
        hint: "compare the broker with `tu-analyze topology`",
      });
    }
  }

  async function publishDeadLetter(message: Message): Promise<void> {
    const letter = toDeadLetter(message);
    if (letter.transport === "kafka") await log.append(letter.record);
    else await broker.publish(letter.publication);
  }
}

/** The durable receivers of a message in a flow, by name. */
export function consumersOf(message: Message, flow: FlowName): readonly string[] {
  const contract = findContract(message.name);
  const route = contract?.routes.find(({ producerHeader }) => producerHeader === message.producer);
  if (route === undefined) return [];
  return route.consumers
    .filter(({ flows, isEphemeral }) => flows.includes(flow) && isEphemeral !== true)
    .map(({ service }) => service);
}

/** Whether it has a permanent queue; queues of instances come and go with them. */
function isAwaited(route: Route, flow: FlowName): boolean {
  return route.consumers.some(
    ({ flows, isPerInstance }) => flows.includes(flow) && isPerInstance !== true,
  );
}
