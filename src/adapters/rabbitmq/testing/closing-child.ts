// Consumes a queue until it is told to close, then has to end by itself: closing-child.ts <port> <user> <password> <vhost>
import { createRabbitBroker } from "../broker.ts";

const [port = "", user = "", password = "", vhost = ""] = process.argv.slice(2);
const address = { host: "127.0.0.1", port: Number(port), user, password, vhost };
const broker = await createRabbitBroker({ ...address, heartbeatSeconds: 60, onError: () => {} });
const queue = "closing-child";
await broker.declare({ exchanges: [], queues: [{ name: queue, exclusive: true }], bindings: [] });
await broker.consume({ queue, prefetch: 10 }, async (delivery) => {
  await delivery.nack({ requeue: true, delayMs: 3_600_000 });
  process.send?.("read");
});
const body = Uint8Array.of(1);
await broker.publish({ exchange: "", routingKey: queue, headers: {}, properties: {}, body });
process.once("message", () => {
  void broker.close().then(() => {
    process.send?.("closed");
    process.disconnect();
  });
});
