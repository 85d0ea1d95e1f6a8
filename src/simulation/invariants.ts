import type { AnalysisCompleted } from "../pipeline/contracts/analysis.ts";
import type { Message } from "../pipeline/message.ts";
import type { JournalEntry } from "../pipeline/ports/journal.ts";
import { deadLetters } from "../pipeline/topology.ts";
import { hurriedIn, unexplainedIn } from "./explain.ts";
import { wronglyParkedIn } from "./parked.ts";
import type { Remains } from "./remains.ts";
import { divertedIn } from "./upgrades.ts";

type Rule = {
  readonly name: string;
  readonly check: (remains: Remains) => readonly string[];
};

const ends: readonly string[] = ["analysis.completed", "analysis.failed"];

/** Nothing is lost, duplicated or stuck, and nothing fails without need. */
const rules: readonly Rule[] = [
  {
    name: "every client is answered in the end",
    check: ({ clients }) =>
      clients.filter(({ accepted }) => !accepted).map(({ flowId }) => `${flowId} waits for ever`),
  },
  {
    name: "every accepted upload ends, once",
    check: ({ clients, histories }) =>
      clients
        .filter(({ accepted }) => accepted)
        .flatMap(({ flowId }) => {
          const count = sentIn(histories.get(flowId) ?? []).filter(({ name }) =>
            ends.includes(name),
          ).length;
          if (count === 1) return [];
          return [count === 0 ? `${flowId} never ends` : `${flowId} ends ${count} times`];
        }),
  },
  {
    name: "an analysis fails only where a fault explains it",
    check: unexplainedIn,
  },
  {
    name: "nothing is given up before its time",
    check: hurriedIn,
  },
  {
    name: "the end reaches the broker, with one id",
    check: ({ clients, taken }) =>
      clients
        .filter(({ accepted }) => accepted)
        .flatMap(({ flowId }) => {
          const ids = new Set(
            taken
              .filter(
                ({ exchange, properties }) =>
                  properties.correlationId === flowId && ends.includes(exchange),
              )
              .map(({ properties }) => properties.messageId),
          );
          return ids.size === 1 ? [] : [`${flowId}: ${ids.size} different ends were published`];
        }),
  },
  {
    name: "a completed analysis is one sighting of one machine",
    check: ({ clients, flow, histories, machines }) =>
      flow.name === "current"
        ? []
        : clients.flatMap(({ flowId }) => {
            const isCompleted = sentIn(histories.get(flowId) ?? []).some(
              ({ name }) => name === "analysis.completed",
            );
            const seen = machines.flatMap(({ sightings }) =>
              sightings.filter((sighting) => sighting.flowId === flowId),
            ).length;
            return seen === (isCompleted ? 1 : 0) ? [] : [`${flowId} was saved ${seen} times`];
          }),
  },
  {
    name: "what is said of a picture is of the one that was uploaded",
    check: ({ clients, histories }) =>
      clients.flatMap(({ flowId, picture }) =>
        brandsSaidIn(histories.get(flowId) ?? [])
          .filter((brand) => !picture.toLowerCase().startsWith(`${brand.toLowerCase()} `))
          .map((brand) => `${flowId} is about ${picture} and found ${brand}`),
      ),
  },
  {
    name: "one picture is one machine",
    check: ({ clients, machines }) => {
      const pictures = new Map(clients.map(({ flowId, picture }) => [flowId, picture]));
      const seen = new Map<string, Set<string>>();
      for (const { id, sightings } of machines)
        for (const { flowId } of sightings) {
          const picture = pictures.get(flowId) ?? "";
          seen.set(picture, (seen.get(picture) ?? new Set()).add(id));
        }
      return [...seen].flatMap(([picture, ids]) =>
        ids.size === 1 ? [] : [`${picture} became ${ids.size} machines`],
      );
    },
  },
  {
    name: "the same id is always the same bytes",
    check: ({ taken }) => {
      const bodies = new Map<string, string>();
      return taken.flatMap(({ body, properties: { messageId = "" } }) => {
        const text = new TextDecoder().decode(body);
        const before = bodies.get(messageId) ?? text;
        bodies.set(messageId, text);
        return before === text ? [] : [`${messageId} has two bodies`];
      });
    },
  },
  {
    name: "what a step did is published once under one id",
    check: ({ clients, taken }) =>
      clients.flatMap(({ flowId }) =>
        ["tu.image.uploaded", "analysis.started"].flatMap((exchange) => {
          const ids = new Set(
            taken
              .filter(
                (publication) =>
                  publication.exchange === exchange &&
                  publication.properties.correlationId === flowId,
              )
              .map(({ properties }) => properties.messageId),
          );
          return ids.size <= 1 ? [] : [`${flowId}: ${exchange} was sent under ${ids.size} ids`];
        }),
      ),
  },
  {
    name: "nothing is published that is not recorded",
    check: ({ histories, taken }) => {
      const recorded = new Set(
        [...histories.values()].flatMap((history) => sentIn(history).map(({ id }) => id)),
      );
      return taken
        .filter(({ exchange }) => exchange !== deadLetters.exchange) // see `wronglyParkedIn`
        .filter(({ properties }) => !recorded.has(properties.messageId ?? ""))
        .map(({ exchange, properties }) => `${exchange} ${properties.messageId} is on no record`);
    },
  },
  {
    name: "a client hears of nothing that is not recorded",
    check: ({ histories, told }) => {
      const recorded = new Set(
        [...histories.values()].flatMap((history) => sentIn(history).map(({ id }) => id)),
      );
      return told
        .filter(({ id }) => !recorded.has(id))
        .map(({ id, name }) => `${name} ${id} is on no record`);
    },
  },
  {
    name: "a client hears of nothing that a crash could still lose",
    check: ({ told }) =>
      told
        .filter(({ isOnDisk }) => !isOnDisk)
        .map(({ id, name }) => `${name} ${id} was told early`),
  },
  {
    name: "a flow's history has no gap and no double",
    check: ({ histories }) =>
      [...histories].flatMap(([flowId, history]) => {
        const sequences = history.flatMap(({ flow }) => (flow === null ? [] : [flow.sequence]));
        const isWhole = sequences.every((sequence, index) => sequence === index + 1);
        const keys = history.map(({ consumer, message }) => `${consumer} ${message.id}`);
        return isWhole && new Set(keys).size === keys.length
          ? []
          : [`${flowId} has the history ${sequences.join(",")}`];
      }),
  },
  {
    name: "what cannot be worked off is parked once as it came, and nothing else is",
    check: wronglyParkedIn,
  },
  {
    name: "a flow ends under the definition that it began with",
    check: divertedIn,
  },
  {
    name: "everything comes to rest",
    check: ({ timedOut }) => (timedOut ? ["virtual time ran out"] : []),
  },
];

export function violationsIn(remains: Remains): readonly string[] {
  return rules.flatMap(({ check, name }) => check(remains).map((what) => `${name}: ${what}`));
}

function brandsSaidIn(history: readonly JournalEntry[]): readonly string[] {
  return sentIn(history)
    .filter(({ name }) => name === "analysis.completed")
    .map(({ payload }) => (payload as AnalysisCompleted).recognitionPayload?.aggregate.brand ?? "");
}

function sentIn(history: readonly JournalEntry[]): readonly Message[] {
  return history.flatMap(({ outgoing }) => outgoing);
}
