import { once } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { createDoor, loopbackOnly } from "../../pipeline/http/door.ts";
import { type Listener, type ListenerOptions, listen } from "./listener.ts";

let listener: Listener | undefined;
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await listener?.close();
});

const impatient = { headersMs: 200, requestMs: 400, idleMs: 200, checkEveryMs: 50 };

/** Echoes the request body. */
async function serve(options: Partial<ListenerOptions> = {}): Promise<number> {
  listener = await listen(
    { door: createDoor(loopbackOnly), problems: async () => [], ...options },
    {
      request(incoming, response) {
        const parts: Buffer[] = [];
        incoming.on("data", (part: Buffer) => void parts.push(part));
        incoming.on("end", () => response.end(Buffer.concat(parts)));
      },
      upgrade: (_request, socket) => socket.end("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    },
  );
  return Number(new URL(listener.url).port);
}

/** Opens a connection and sends that. */
function dial(port: number, said = ""): Socket {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined); // the server closes it
  sockets.push(socket);
  if (said !== "") socket.write(said);
  return socket;
}

/** Everything that the server sends until it closes or resets the connection. */
function heard(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (part: Buffer) => {
    text += part.toString();
  });
  return new Promise((resolve) => socket.once("close", () => resolve(text)));
}

const ask = (port: number, headers: Record<string, string>, method = "GET", path = "/") =>
  new Promise<{ status: number; headers: Record<string, unknown>; text: string }>(
    (resolve, reject) => {
      request({ port, method, path, headers, agent: false }, (answer) => {
        let text = "";
        answer.on("data", (part: Buffer) => {
          text += part.toString();
        });
        answer.on("end", () =>
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }),
        );
      })
        .on("error", reject)
        .end();
    },
  );

test.each([
  { host: "evil.example" },
  { origin: "https://evil.example" },
  { origin: "null" },
  { "sec-fetch-site": "cross-site" },
])("%o is refused by request and by upgrade, and told in a problem", async (headers) => {
  const port = await serve();
  for (const path of ["/", "/health/live", "/health/ready"]) {
    const { status, text } = await ask(port, headers, "GET", path);
    expect([status, JSON.parse(text)]).toMatchObject([403, { status: 403 }]);
  }
  expect((await ask(port, headers, "OPTIONS")).status).toBe(403);
  const lines = Object.entries({ host: "127.0.0.1", ...headers }).map(
    ([name, value]) => `${name}: ${value}\r\n`,
  );
  const upgrade = `GET / HTTP/1.1\r\n${lines.join("")}connection: upgrade\r\nupgrade: websocket\r\n\r\n`;
  expect(await heard(dial(port, upgrade))).toMatch(/^HTTP\/1.1 403 /);
});

test("no page may read the response, unless its origin is configured", async () => {
  const origins = ["https://app.example"];
  const port = await serve({ door: createDoor({ hosts: [], origins }) });
  const named = await ask(port, { origin: "https://app.example" }, "OPTIONS");
  expect([named.status, named.headers["access-control-allow-origin"]]).toEqual([204, ...origins]);
  const local = await ask(port, { origin: "http://localhost:3000" });
  expect([local.status, local.headers["access-control-allow-origin"]]).toEqual([200, undefined]);
  const upgrade =
    "GET / HTTP/1.1\r\nhost: localhost\r\norigin: https://app.example\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n";
  expect(await heard(dial(port, upgrade))).toMatch(/^HTTP\/1.1 101 /);
});

test("it lives at once, and is ready when nothing is in trouble", async () => {
  let problems: readonly string[] = ["journal: locked", "message broker: lost"];
  const port = await serve({ problems: async () => problems });
  const probe = (what: string) => ask(port, {}, "GET", `/health/${what}`);
  expect(await probe("live")).toMatchObject({ status: 200, text: "Healthy" });
  expect(await probe("ready")).toMatchObject({
    status: 503,
    text: "Unhealthy\njournal: locked\nmessage broker: lost\n",
  });
  problems = [];
  expect(await probe("ready")).toMatchObject({ status: 200, text: "Healthy" });
});

test("a probe that cannot be tried is no readiness", async () => {
  const port = await serve({ problems: () => Promise.reject(new Error("oops")) });
  expect((await ask(port, {}, "GET", "/health/ready")).status).toBe(503);
  for (const path of ["/health/live", "/health/ready"])
    expect((await ask(port, {}, "POST", path)).status).toBe(405);
});

const slow = [
  { what: "nothing", said: "" },
  { what: "a header line now and then", said: "GET / HTTP/1.1\r\nhost: localhost\r\n" },
  {
    what: "a body that does not end",
    said: "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nabc",
  },
];
test.each(slow)(
  "a client that says $what is let go of, and others are served",
  async ({ said }) => {
    const port = await serve({ patience: impatient });
    const socket = dial(port, said);
    const dripping = setInterval(() => {
      if (said !== "") socket.write(said.includes("length") ? "d" : "x-a: b\r\n");
    }, 20);
    const closed = heard(socket);
    expect((await ask(port, {})).status).toBe(200);
    // It ends, or this test does.
    expect(await closed).toMatch(/^(HTTP\/1.1 408 |$)/);
    clearInterval(dripping);
  },
);

test("headers without end are refused", async () => {
  const port = await serve();
  const flood = `GET / HTTP/1.1\r\nhost: localhost\r\nx-a: ${"b".repeat(64 * 1024)}\r\n\r\n`;
  // A client that keeps sending may lose the response with the connection.
  expect(await heard(dial(port, flood))).toMatch(/^(HTTP\/1.1 431 |$)/);
});

/** That many silent connections, opened a few at a time. */
async function openIdle(port: number, count: number): Promise<void> {
  for (let opened = 0; opened < count; opened += 100)
    await Promise.all(
      Array.from({ length: 100 }, async () => {
        const socket = dial(port);
        await Promise.race([once(socket, "connect"), once(socket, "close")]);
      }),
    );
}

test("clients that hold connections open lock nobody out, and running requests continue", async () => {
  const port = await serve();
  const working = dial(port, "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 6\r\n\r\nabc");
  await once(working, "connect");
  await ask(port, {}); // by now its headers have been read
  await openIdle(port, 600);
  expect((await ask(port, {})).status).toBe(200);
  const answer = heard(working);
  working.end("def");
  expect(await answer).toMatch(/abcdef$/);
});
