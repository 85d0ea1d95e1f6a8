import { closest } from "../closest.ts";
import { catalogue, findContract } from "../contracts/catalogue.ts";
import type { Contract, Route } from "../contracts/contract.ts";
import { exampleOn, schemaOn } from "../delivery/wire-shape.ts";
import { TuError } from "../errors.ts";
import { publishedSchema } from "../published-schema.ts";

/** Throws E_MESSAGE_UNKNOWN, with a suggestion. */
export function contractNamed(name: string): Contract {
  const contract = findContract(name);
  if (contract !== undefined) return contract;
  const guess = closest(
    name,
    catalogue.map((candidate) => candidate.name),
  );
  throw new TuError("E_MESSAGE_UNKNOWN", `there is no message named ${name}`, {
    hint: guess === undefined ? "list them with `tu-analyze messages`" : `did you mean ${guess}?`,
  });
}

/** In the shape of `MessagesReport`. */
export const describeMessages = () => ({
  schema: "tu-analyze/messages@1" as const,
  messages: catalogue.map(describe),
});

/** In the shape of `MessageReport`. */
export const describeMessage = (contract: Contract) => ({
  schema: "tu-analyze/message@1" as const,
  ...describe(contract),
});

function describe(contract: Contract) {
  const { example, flows, kind, name, routes, schemaId, summary } = contract;
  return { name, kind, summary, schemaId, flows, routes: routes.map(describeRoute), example };
}

function describeRoute(route: Route) {
  const { consumers, producer, transport } = route;
  const where =
    route.transport === "kafka"
      ? { topic: route.topic, key: "objectKey", casing: route.casing }
      : { exchange: route.exchange, exchangeType: route.exchangeType };
  return { transport, ...where, producer, consumers };
}

/** The body of a message on one of its routes: its JSON Schema and an example, in the route's spelling. */
export const bodiesOf = (contract: Contract) =>
  contract.routes.map((route) => ({
    name: contract.name,
    transport: route.transport,
    jsonSchema: schemaOf(contract, route),
    example: exampleOn(contract, route),
  }));

function schemaOf({ name, routes, schemaId, summary }: Contract, route: Route) {
  const isOnly = routes.length === 1;
  const title = isOnly ? name : `${name} on ${route.transport}`;
  return {
    $id: isOnly ? schemaId : `${schemaId}/${route.transport}`,
    ...{ title, description: summary },
    ...schemaOn(route, (body) => publishedSchema(body, "input")),
  };
}
