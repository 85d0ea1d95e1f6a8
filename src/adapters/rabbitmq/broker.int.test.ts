import { afterAll, beforeAll, describe } from "vitest";
import type { Broker } from "../../pipeline/ports/broker.ts";
import type { TransportState } from "../../pipeline/ports/transport.ts";
import { brokerContract } from "../testing/broker-contract.ts";
import { openWire } from "../testing/wire.ts";
import { createRabbitBroker } from "./broker.ts";
import { openVhost, rabbit } from "./testing/server.ts";

describe.skipIf(!rabbit.isThere)("RabbitMQ broker", () => {
  let vhost: Awaited<ReturnType<typeof openVhost>>;
  beforeAll(async () => {
    vhost = await openVhost();
  });
  afterAll(async () => {
    await rabbit.setFull(false); // a test that timed out has not done it
    await vhost.remove();
  });

  brokerContract(
    async () => {
      const { address } = rabbit;
      const wire = await openWire(`${address.host}:${address.port}`);
      const given = { ...address, vhost: vhost.name, onError: () => undefined };
      const broker = await createRabbitBroker({ ...given, host: "127.0.0.1", port: wire.port });
      let isFull = false;
      const setFull = async (next: boolean) => {
        if (isFull !== next) await rabbit.setFull(next);
        isFull = next;
      };
      return {
        broker,
        another: () => createRabbitBroker(given),
        async lose() {
          const lost = reached(broker, "lost");
          wire.cut();
          await lost;
        },
        async restore() {
          await setFull(false);
          const back = reached(broker, "back");
          wire.mend();
          await back;
        },
        async block() {
          const blocked = reached(broker, "blocked");
          await setFull(true);
          // RabbitMQ tells it to whoever publishes.
          const timer = setInterval(() => publishToNobody(broker), 20);
          await blocked;
          clearInterval(timer);
        },
        async unblock() {
          const unblocked = reached(broker, "unblocked");
          await setFull(false);
          await unblocked;
        },
        async close() {
          await setFull(false);
          await broker.close();
          wire.close();
        },
      };
    },
    { canBlock: rabbit.isOurs },
  );
});

function reached(broker: Broker, wanted: TransportState): Promise<void> {
  return new Promise((resolve) => {
    const end = broker.onState((state) => {
      if (state !== wanted) return;
      end();
      resolve();
    });
  });
}

function publishToNobody(broker: Broker): void {
  const publication = { exchange: "", routingKey: "nobody", headers: {}, properties: {} };
  broker.publish({ ...publication, body: Uint8Array.of(1) }).catch(() => undefined); // the connection is lost next
}
