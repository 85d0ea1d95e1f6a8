import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A way to a server, at an address of its own, that a test can disturb. */
export async function openWay(target: string) {
  const [host = "", port = ""] = target.split(":");
  const sockets = new Set<Socket>();
  const silent = new Set<Socket>();
  let isSilent = false;
  let answerBytesMax = Number.POSITIVE_INFINITY;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.once("close", () => sockets.delete(socket));
    return socket;
  };
  const server = createServer((near) => {
    keep(near);
    const far = keep(connect({ host, port: Number(port) }));
    if (isSilent) silent.add(near);
    let answered = 0;
    near.on("data", (bytes) => {
      if (!silent.has(near)) far.write(bytes);
    });
    far.on("data", (bytes) => {
      if (silent.has(near)) return;
      near.write(bytes.subarray(0, Math.max(0, answerBytesMax - answered)));
      answered += bytes.length;
      if (answered > answerBytesMax) near.end();
    });
    near.once("close", () => far.destroy());
    far.once("close", () => near.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port: near } = server.address() as AddressInfo; // it listens on a port
  return {
    url: `http://127.0.0.1:${near}`,
    /** Connections stay, and new ones are taken, but nothing passes. */
    fallSilent() {
      isSilent = true;
      for (const socket of sockets) silent.add(socket);
    },
    /** New connections work; the former ones stay silent. */
    speak() {
      isSilent = false;
    },
    /** Each connection ends after so many bytes from the server. */
    cutAfter(bytes: number) {
      answerBytesMax = bytes;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
