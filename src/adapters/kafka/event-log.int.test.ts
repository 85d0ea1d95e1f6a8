import { connect, type Socket } from "node:net";
import { describe, inject } from "vitest";
import type { TransportState } from "../../pipeline/ports/transport.ts";
import { eventLogContract } from "../testing/event-log-contract.ts";
import { logReadingContract } from "../testing/log-reading-contract.ts";
import { createKafkaEventLog } from "./event-log.ts";
import { openTopics } from "./testing/topics.ts";

const brokers = inject("servers")["KAFKA_BROKERS"]?.split(",") ?? [];

describe.skipIf(brokers.length === 0)("Kafka event log", () => {
  const open = async () => {
    const wire = createWire();
    const topics = await openTopics(brokers);
    const log = await createKafkaEventLog({
      ...{ brokers, connect: wire.connect, sessionTimeoutMs: 6000, onError: () => {} },
    });
    const reached = (wanted: TransportState) =>
      new Promise<void>((resolve) => {
        const end = log.onState((state) => {
          if (state !== wanted) return;
          end();
          resolve();
        });
      });
    return {
      log: topics.noting(log),
      async lose() {
        const isLost = reached("lost");
        wire.cut();
        await isLost;
      },
      async restore() {
        const isBack = reached("back");
        wire.mend();
        await isBack;
      },
      compact: topics.compact,
      async close() {
        await log.close();
        await topics.remove();
      },
    };
  };
  eventLogContract(open);
  logReadingContract(open);
});

/** Connections to the brokers that a test can cut; until they are mended, nobody answers. */
function createWire() {
  const sockets = new Set<Socket>();
  let isCut = false;
  return {
    connect(host: string, port: number): Socket {
      const socket = isCut ? connect({ host: "127.0.0.1", port: 1 }) : connect({ host, port });
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
      return socket;
    },
    cut() {
      isCut = true;
      for (const socket of sockets) socket.destroy(new Error("the wire was cut"));
    },
    mend() {
      isCut = false;
    },
  };
}
