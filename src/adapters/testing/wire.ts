import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A way to a server, `host:port`, that tests disturb. */
export async function openWire(target: string) {
  const [host = "", port = ""] = target.split(":");
  const sockets = new Set<Socket>();
  let isSilent = false;
  let isCut = false;
  let takenBytes = 0;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
  };
  const server = createServer((near) => {
    keep(near);
    near.on("data", (bytes) => {
      takenBytes += bytes.length;
    });
    if (isCut) near.resetAndDestroy();
    if (isCut || isSilent) return;
    const far = connect({ host, port: Number(port) });
    keep(far);
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
  const destroy = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: near,
    connect: () => connect({ host: "127.0.0.1", port: near }),
    /** What has come for the server, passed on or not. */
    takenBytes: () => takenBytes,
    /** Connections stay, and new ones are taken, but nothing passes. */
    fallSilent() {
      isSilent = true;
    },
    /** What fell silent stays so; new connections work. */
    speak() {
      isSilent = false;
      destroy();
    },
    /** Resets every connection; until it is mended, every new one too. */
    cut() {
      isCut = true;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    mend() {
      isCut = false;
    },
    close() {
      destroy();
      server.close();
    },
  };
}
