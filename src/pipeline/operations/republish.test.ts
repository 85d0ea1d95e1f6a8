import { describe, expect, test } from "vitest";
import { createRandomIds } from "../../adapters/memory/ids.ts";
import { catalogue, consumersIn } from "../contracts/catalogue.ts";
import type { Contract, Route } from "../contracts/contract.ts";
import { storedWire } from "../delivery/stored-wire.ts";
import type { Seen } from "../ports/flow-store.ts";
import { messageHop } from "../trace/hops.ts";
import { recordOf, withoutBody } from "../trace/records.ts";
import { drafted } from "./publish.ts";
import { areRecords, recordedDrafts } from "./republish.ts";

const ports = { clock: { nowMs: () => 1_796_000_000_000 }, ids: createRandomIds() };
const draftOf = (contract: Contract, { transport }: Route) =>
  drafted(
    {
      ...{ contract, transport, body: null, sets: [], headers: [["x-binary", "\u00e9"]] },
      ...{ key: null, id: null, flowId: null },
    },
    ports,
  );

/** As a tap sees it: once for each consumer. */
function seenOf(contract: Contract, route: Route, at: number) {
  const draft = draftOf(contract, route);
  const seen = consumersIn(route, "full")
    .concat(consumersIn(route, "current"))
    .map(
      ({ service, source }): Seen => ({
        type: "hop",
        hop: messageHop(draft.message, { contract, route }, { to: service, atMs: at, note: null }),
        travelled: {
          origin:
            route.transport === "kafka" ? `kafka:${route.topic}/0/${at}` : `rabbitmq:${source}`,
          subject: draft.message.subject,
          wire: storedWire(draft.wire),
        },
      }),
    );
  return { draft, seen };
}
const linesOf = (seen: readonly Seen[]) =>
  seen.map((one) => JSON.stringify(recordOf(one))).join("\n");

const routes = catalogue.flatMap((contract) =>
  contract.routes.map((route, at) => ({ name: `${contract.name} ${at}`, contract, route })),
);

test.each(routes)("$name is sent again byte for byte, and once", ({ contract, route }) => {
  const { draft, seen } = seenOf(contract, route, 7);
  const text = linesOf(seen);
  expect(areRecords(text)).toBe(true);
  const again = recordedDrafts(`${text}\n\n`);
  expect(again).toMatchObject([{ destination: draft.destination }]);
  expect(again[0]?.wire).toEqual(draft.wire);
});

test("a whole flow keeps its order; requests, writes and notices are passed over", () => {
  const all = routes.flatMap(({ contract, route }, at) => seenOf(contract, route, at).seen);
  const request: Seen = {
    type: "hop",
    hop: { ...(all[0] as Extract<Seen, { type: "hop" }>).hop, kind: "request", transport: "http" },
    travelled: null,
  };
  const notice: Seen = { type: "notice", flowId: "f", atMs: 1, code: "c", message: "m" };
  const names = recordedDrafts(linesOf([request, notice, ...all])).map(
    ({ message }) => message.name,
  );
  expect(names).toEqual(routes.map(({ contract }) => contract.name));
});

describe("what cannot be sent is refused with its line", () => {
  const [first] = routes;
  const record = () => {
    if (first === undefined) throw new Error("there are routes");
    const [seen] = seenOf(first.contract, first.route, 1).seen;
    if (seen === undefined) throw new Error("it has consumers");
    return recordOf(seen);
  };
  test.each([
    ["no JSON", () => "{", "is not JSON"],
    ["another document", () => '{"schema":"other"}', "is not a record"],
    ["without a body", () => JSON.stringify(withoutBody(record() as never)), "is not a record"],
    ["from nobody", () => JSON.stringify({ ...record(), from: "nobody" }), "has no destination"],
  ])("%s", (_, lineOf, problem) => {
    expect(() => recordedDrafts(`\n${lineOf()}`)).toThrow(
      expect.objectContaining({
        code: "E_USAGE",
        message: expect.stringMatching(new RegExp(`line 2 ${problem}`)),
      }),
    );
  });
});
