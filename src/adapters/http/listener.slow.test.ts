import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { expect, test } from "vitest";
import { createDoor, loopbackOnly } from "../../pipeline/http/door.ts";
import { listen } from "./listener.ts";

test("ten thousand idle connections keep nobody out", async () => {
  const listener = await listen(
    { door: createDoor(loopbackOnly), problems: async () => [] },
    { request: (_request, response) => response.end("here") },
  );
  const sockets: Socket[] = [];
  try {
    for (let opened = 0; opened < 10_000; opened += 100)
      await Promise.all(
        Array.from({ length: 100 }, async () => {
          const socket = connect(Number(new URL(listener.url).port), "127.0.0.1");
          socket.on("error", () => undefined); // the other side disconnects the longest idle
          sockets.push(socket);
          await Promise.race([once(socket, "connect"), once(socket, "close")]);
        }),
      );
    expect(await (await fetch(listener.url)).text()).toBe("here");
  } finally {
    for (const socket of sockets) socket.destroy();
    await listener.close();
  }
});
