import { expect, test } from "vitest";
import { createMemoryBroker } from "../../adapters/memory/broker.ts";
import { createManualClock } from "../../adapters/memory/clock.ts";
import { createMemoryEventLog } from "../../adapters/memory/event-log.ts";
import { createMemoryJournal } from "../../adapters/memory/journal.ts";
import { TuError } from "../errors.ts";
import { createReadiness } from "./readiness.ts";
import { declareTopology } from "./run-services.ts";

function world() {
  const [log, broker] = [createMemoryEventLog(), createMemoryBroker()];
  const disk = { isFull: false };
  const journal = {
    ...createMemoryJournal(),
    async durable() {
      if (disk.isFull) throw new TuError("E_STATE_FULL", "no space left");
    },
  };
  const clock = createManualClock(0);
  const readiness = createReadiness({ flow: "full", journal, log, broker, clock });
  return { broker, clock, disk, log, readiness };
}

test("a service is ready when it listens, and all that it works with has answered", async () => {
  const { broker, disk, log, readiness } = world();
  const problems = () => readiness.problems("svc", []);
  const [first, missing, ...others] = await problems();
  expect([first, others]).toEqual(["not connected yet", []]);
  expect(missing).toMatch(/^exchanges and queues: missing: .*analysis\.commands/);
  await declareTopology("full", { broker, log });
  readiness.connected("svc");
  expect(await problems()).toEqual([]);
  expect(await readiness.problems("another", [])).toEqual(["not connected yet"]);
  disk.isFull = true;
  expect(await problems()).toEqual(["journal on disk: no space left"]);
});

test("while a transport is lost no service is ready, and afterwards all are again", async () => {
  const { broker, log, readiness } = world();
  await declareTopology("full", { broker, log });
  readiness.connected("svc");
  log.lose();
  expect(await readiness.problems("svc", [])).toEqual(["event log: the event log is lost"]);
  log.restore();
  broker.lose();
  expect((await readiness.problems("svc", [])).join("\n")).toMatch(
    /^message broker: the message broker is lost\nexchanges and queues: /,
  );
  broker.restore();
  expect(await readiness.problems("svc", [])).toEqual([]);
});

test("a store of its own that fails is named, and one that does not answer is not waited for", async () => {
  const { broker, clock, log, readiness } = world();
  await declareTopology("full", { broker, log });
  readiness.connected("svc");
  const failing = { name: "uploads", work: () => Promise.reject(new Error("gone")) };
  const silent = { name: "object store", work: () => new Promise(() => undefined) };
  const problems = readiness.problems("svc", [failing, silent]);
  await clock.advance(2_000);
  expect(await problems).toEqual(["uploads: gone", "object store: no answer within 2 s"]);
});
