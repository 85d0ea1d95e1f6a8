// Our side of P6: the service as a cluster runs it, on a new journal on disk. Only topic, group and exchange have names
// of their own, so that it can run on servers that others use.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSystemClock } from "../src/adapters/memory/clock.ts";
import { createRandomIds } from "../src/adapters/memory/ids.ts";
import { createMemoryTimers } from "../src/adapters/memory/timers.ts";
import { openSqliteState } from "../src/adapters/sqlite/state.ts";
import { openTransports } from "../src/commands/compose-transports.ts";
import { type Input, inputsOf } from "../src/pipeline/contracts/catalogue.ts";
import { createFlowLinks } from "../src/pipeline/delivery/flow-links.ts";
import { createPublish } from "../src/pipeline/delivery/publish.ts";
import { createRelay } from "../src/pipeline/delivery/relay.ts";
import { connect } from "../src/pipeline/delivery/run-services.ts";
import type { Broker } from "../src/pipeline/ports/broker.ts";
import { createMessagingBridge } from "../src/pipeline/services/messaging-bridge.ts";
import type { Loop, Way } from "./bridge-loops.ts";
import type { RealServers } from "./real-servers.ts";

export async function ourBridge(servers: RealServers, way: Way): Promise<Loop> {
  const directory = await mkdtemp(join(tmpdir(), "bench-"));
  const clock = createSystemClock();
  const ids = createRandomIds(clock);
  const reporter = {
    hop: () => undefined,
    notice: ({ message }: { message: string }) => fail(message),
  };
  const file = join(directory, "flow.db");
  const state = await openSqliteState(file, { clock, runnerId: "bench", owedTo: () => [] });
  const { journal } = state;
  const transports = await openTransports(servers, fail);
  const { log } = transports;
  const broker = publishingTo(way.exchange, transports.broker);
  const timers = createMemoryTimers(clock, { onError: fail });
  const publish = createPublish({ log, broker }, "full");
  const relay = createRelay({
    ...{ journal, timers, clock, reporter, publish },
    transports: [log, broker],
  });
  const links = createFlowLinks({ ids, clock, journal });
  const subscription = await connect(
    createMessagingBridge(),
    inputsOf("svc-messaging-bridge", "full").map((input) => readingFrom(way, input)),
    { journal, timers, clock, ids, reporter, relay, links, log, broker, handsOnEarly: false },
  );
  await relay.start();
  return {
    async stop() {
      await subscription.close();
      await relay.close();
      timers.close();
      await transports.close();
      await state.close();
      await rm(directory, { recursive: true });
    },
  };
}

function readingFrom({ group, topic }: Way, { consumer, contract, route }: Input): Input {
  if (route.transport !== "kafka") throw new Error("the bridge reads Kafka");
  return { contract, route: { ...route, topic }, consumer: { ...consumer, source: group } };
}

function publishingTo(exchange: string, broker: Broker): Broker {
  return { ...broker, publish: (publication) => broker.publish({ ...publication, exchange }) };
}

function fail(error: unknown): never {
  throw error;
}
