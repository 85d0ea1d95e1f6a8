import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A way to a broker that can fall silent: connections stay, and new ones are taken, but nothing passes. */
export async function openHalfOpen(target: string) {
  const [host = "", port = ""] = target.split(":");
  const sockets = new Set<Socket>();
  let isSilent = false;
  const server = createServer((near) => {
    sockets.add(near);
    near.on("error", () => near.destroy());
    if (isSilent) return;
    const far = connect({ host, port: Number(port) });
    sockets.add(far);
    far.on("error", () => far.destroy());
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("data", (bytes) => {
        if (!isSilent) to.write(bytes);
      });
      from.once("close", () => to.destroy());
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: near } = server.address() as AddressInfo; // it listens on a port
  return {
    connect: () => connect({ host: "127.0.0.1", port: near }),
    fallSilent() {
      isSilent = true;
    },
    /** What fell silent stays so; new connections work. */
    speak() {
      isSilent = false;
      for (const socket of sockets) socket.destroy();
    },
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
