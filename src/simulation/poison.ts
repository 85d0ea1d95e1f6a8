import { inputsOf } from "../pipeline/contracts/catalogue.ts";
import type { KafkaRoute, RabbitRoute } from "../pipeline/contracts/contract.ts";
import { serviceNames } from "../pipeline/contracts/contract.ts";
import { toUtf8 } from "../pipeline/delivery/bytes.ts";
import type { Service } from "../pipeline/delivery/service.ts";
import type { Wire } from "../pipeline/delivery/wire.ts";
import type { Flow } from "../pipeline/flows/flow.ts";
import type { Message } from "../pipeline/message.ts";
import type { Publication } from "../pipeline/ports/broker.ts";
import type { LogRecord } from "../pipeline/ports/event-log.ts";
import type { SimulatedBrokers } from "./brokers.ts";
import type { Nature } from "./faults.ts";
import type { Ledger } from "./ledger.ts";
import type { Life } from "./scheduler.ts";

// Messages that no consumer can process, injected by a client that knows nothing about us.

/** A foreign message as injected, and the consumers that have to park it. */
export type Poison = {
  readonly name: string;
  readonly target: string;
  readonly consumers: readonly string[];
  readonly wire: Wire;
  /** Readable, but its handler throws every time. */
  readonly isReadable: boolean;
  /** It was in a broker that died. */
  isGone: boolean;
};

type Place = { readonly target: string; readonly consumers: readonly string[] } & (
  | { readonly route: KafkaRoute; readonly example: unknown }
  | { readonly route: RabbitRoute; readonly example: unknown }
);

/** The header of messages that make a handler throw: it identifies the poison. */
const markHeader = "poison";

export function createPoisons(
  nature: Nature,
  { brokers, flow, objectKey }: Settings,
): { readonly all: readonly Poison[]; lose(): void } {
  const all: Poison[] = [];
  const life: Life = { alive: true };
  const places = placesOf(flow);
  const emptied = new Set<string>();
  const count = nature.random() < 0.6 ? 1 + Math.floor(nature.random() * 4) : 0;
  const put = async (index: number): Promise<void> => {
    const { random, scheduler } = nature;
    await scheduler.after(life, random() * 24_000);
    const place = oneOf(random, places);
    const kind = oneOf(random, kinds);
    // Two empty messages are indistinguishable.
    if (kind === "nothing" && emptied.has(place.target)) return;
    if (kind === "nothing") emptied.add(place.target);
    const name = `poison ${index} (${kind})`;
    const wire = wireOf(place, { random, name, kind, objectKey: objectKey() });
    while (!putIn(brokers, place, wire)) await scheduler.after(life, 100);
    const { consumers, target } = place;
    all.push({ name, target, consumers, wire, isReadable: kind === "breaks", isGone: false });
  };
  for (let index = 1; index <= count; index += 1) void put(index);
  return {
    all,
    lose() {
      for (const poison of all) poison.isGone = true;
    },
  };
}

type Settings = {
  readonly brokers: SimulatedBrokers;
  readonly flow: Flow;
  /** The picture of some client, to inject the message among its messages. */
  readonly objectKey: () => string;
};

/** Every source that instances share: those of a single instance are removed with it. */
function placesOf({ name: flow }: Flow): readonly Place[] {
  const inputs = serviceNames
    .flatMap((service) => inputsOf(service, flow))
    .filter(({ consumer }) => consumer.isPerInstance !== true);
  const byTarget = new Map<string, Place>();
  for (const { consumer, contract, route } of inputs) {
    const target = route.transport === "kafka" ? route.topic : consumer.source;
    const consumers = [...(byTarget.get(target)?.consumers ?? []), consumer.service];
    byTarget.set(target, { target, consumers, route, example: contract.example } as Place); // any route
  }
  return [...byTarget.values()];
}

const kinds = ["not text", "no JSON", "another shape", "nothing", "breaks"] as const;
type Kind = (typeof kinds)[number];
type Choice = {
  readonly random: () => number;
  readonly name: string;
  readonly kind: Kind;
  readonly objectKey: string;
};

function wireOf({ example, route }: Place, choice: Choice): Wire {
  const body = bodyOf(choice, example);
  return route.transport === "kafka" ? recordOf(body, choice) : publicationOf(body, choice);
}

function bodyOf({ kind, name }: Choice, example: unknown): Uint8Array | null {
  switch (kind) {
    case "not text":
      return Uint8Array.from([0xff, 0x00, 0xfe, ...toUtf8(name)]);
    case "no JSON":
      return toUtf8(`{ "${name}`);
    case "another shape":
      return toUtf8(JSON.stringify({ uploadId: 7, name }));
    case "nothing":
      return null;
    case "breaks":
      return toUtf8(JSON.stringify({ ...(example as object), poison: name }));
  }
}

function recordOf(body: Uint8Array | null, { kind, name, objectKey, random }: Choice): Wire {
  const keys = [null, Uint8Array.of(), Uint8Array.of(0xff, 0x00), toUtf8(objectKey)];
  const text = (header: string, value: string) => ({ name: header, value: toUtf8(value) });
  const headers = oneOf(random, [
    [],
    [
      { name: "x-correlation-id", value: Uint8Array.of(0xff) },
      { name: "x-message-id", value: Uint8Array.of(0x00, 0xfe) },
    ],
    [text("x-message-id", `${name} one`), text("x-message-id", `${name} two`)],
    [text("x-correlation-id", ""), { name: "x-producer", value: null }, text("", "unnamed")],
  ]);
  const marked = kind === "breaks" ? [...headers, text(markHeader, name)] : headers;
  return { transport: "kafka", key: oneOf(random, keys), headers: marked, body };
}

function publicationOf(body: Uint8Array | null, { kind, name, objectKey, random }: Choice): Wire {
  const headers = oneOf<Publication["headers"]>(random, [
    {},
    { "x-correlation-id": Uint8Array.of(0xff), "x-message-id": { list: [1, null] } },
    { "x-message-id": name, "x-attempt": 7, odd: Number.NaN, "": { table: { "": false } } },
    { "x-correlation-id": "", "x-producer": null },
  ]);
  const properties = oneOf<Publication["properties"]>(random, [
    {},
    { messageId: name, correlationId: "", timestamp: 0 },
  ]);
  return {
    transport: "rabbitmq",
    routingKey: oneOf(random, ["", objectKey]),
    headers: kind === "breaks" ? { ...headers, [markHeader]: name } : headers,
    properties,
    body: body ?? Uint8Array.of(),
  };
}

/** False if the broker is away, or the place does not exist yet. */
function putIn({ foreign }: SimulatedBrokers, { target }: Place, wire: Wire): boolean {
  if (wire.transport === "kafka") return foreign.append({ topic: target, ...wire } as LogRecord);
  const { body, headers, properties, routingKey } = wire;
  return foreign.put(target, { exchange: "", routingKey, headers, properties, body });
}

function oneOf<T>(random: () => number, all: readonly T[]): T {
  return all[Math.floor(random() * all.length)] as T; // from a non-empty list
}

/** The service with a bug that only certain messages trigger. */
export function breakingOnPoison(service: Service, ledger: Ledger): Service {
  const breakOn = ({ headers }: Message) => {
    const name = headers[markHeader];
    if (name === undefined) return;
    ledger.note("poison", `${name} ${service.name}`);
    throw new TypeError("the simulated handler is broken");
  };
  const { handlers, stateful } = service;
  const broken = Object.entries(handlers).map(([name, handle]) => {
    const handler: typeof handle = async (message, signal) => {
      breakOn(message);
      return handle(message, signal);
    };
    return [name, handler] as const;
  });
  if (stateful === undefined) return { ...service, handlers: Object.fromEntries(broken) };
  return {
    ...service,
    handlers: Object.fromEntries(broken),
    stateful: async (state, message) => {
      breakOn(message);
      return stateful(state, message);
    },
  };
}
