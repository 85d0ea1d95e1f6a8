import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

// A way to a server that can be disturbed while bytes are on it. It keeps back pressure: what the far side does not
// take is not read from the near side.

export type Direction = "to server" | "from server";

export type Way = {
  readonly port: number;
  /** Resets every connection, once. */
  reset(): void;
  /** Resets every connection, and every new one until `mend`. */
  cut(): void;
  /** Nothing passes, nobody is told, and new connections are taken all the same; until `mend`. */
  silence(): void;
  /** As `silence`, in one direction. */
  swallow(direction: Direction): void;
  /** Requests of this kind in Kafka's protocol get lost, on the connections that there are. */
  dropRequests(apiKey: number): void;
  /** So many bytes per second in each direction of each connection. */
  slow(bytesPerSecond: number): void;
  /** New connections work. Those that were silent stay so, as behind a router that forgot them. */
  mend(): void;
  close(): void;
};

type Pair = {
  readonly near: Socket;
  readonly far: Socket;
  readonly lost: Set<Direction>;
  droppedRequest: number | null;
};

export async function openProxy(target: number, port = 0): Promise<Way> {
  const pairs = new Set<Pair>();
  const mute = new Set<Socket>();
  const lost = new Set<Direction>();
  let isCut = false;
  let rate = Number.POSITIVE_INFINITY;
  const server = createServer({ noDelay: true }, (near) => {
    near.on("error", () => near.destroy());
    if (isCut) near.resetAndDestroy();
    else if (lost.size > 0) mute.add(near.once("close", () => mute.delete(near)));
    else join(near);
  });
  const join = (near: Socket) => {
    const far = connect({ host: "127.0.0.1", port: target, noDelay: true });
    const pair: Pair = { near, far, lost: new Set(), droppedRequest: null };
    pairs.add(pair);
    pass(pair, "to server", () => rate);
    pass(pair, "from server", () => rate);
    near.once("close", () => pair.far.destroyed && pairs.delete(pair));
    far.once("close", () => pair.near.destroyed && pairs.delete(pair));
  };
  const resetAll = () => {
    for (const { far, near } of pairs) for (const socket of [near, far]) socket.resetAndDestroy();
    for (const socket of mute) socket.resetAndDestroy();
  };
  const lose = (...directions: readonly Direction[]) => {
    for (const direction of directions) {
      lost.add(direction);
      for (const pair of pairs) pair.lost.add(direction);
    }
  };
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    reset: resetAll,
    cut() {
      isCut = true;
      resetAll();
    },
    silence: () => lose("to server", "from server"),
    swallow: (direction) => lose(direction),
    dropRequests(apiKey) {
      for (const pair of pairs) pair.droppedRequest = apiKey;
    },
    slow(bytesPerSecond) {
      rate = bytesPerSecond;
    },
    mend() {
      isCut = false;
      lost.clear();
      rate = Number.POSITIVE_INFINITY;
    },
    close() {
      server.close();
      for (const { far, near } of pairs) for (const socket of [near, far]) socket.destroy();
      for (const socket of mute) socket.destroy();
    },
  };
}

function pass(pair: Pair, direction: Direction, rate: () => number): void {
  const [from, to] = direction === "to server" ? [pair.near, pair.far] : [pair.far, pair.near];
  const keep = direction === "to server" ? createRequestFilter(pair) : (bytes: Buffer) => bytes;
  to.on("drain", () => from.resume());
  to.on("error", () => to.destroy());
  from.on("data", (bytes) => {
    if (pair.lost.has(direction)) return;
    const hasRoom = to.write(keep(bytes));
    const pauseMs = (bytes.length / rate()) * 1000;
    if (!hasRoom || pauseMs >= 1) from.pause();
    if (pauseMs >= 1) setTimeout(() => to.writableNeedDrain || from.resume(), pauseMs);
  });
  // Nobody is told of the end of a connection on which nothing passes.
  from.once("close", () => pair.lost.has(direction) || to.destroy());
}

const headerBytes = 6; // a request's length, and the number of its kind

/** Kafka's requests begin with their length. What is dropped has no answer; the connection stays in order. */
function createRequestFilter(pair: Pair): (bytes: Buffer) => Buffer {
  let rest: Buffer = Buffer.alloc(0);
  let isFramed = false;
  return (bytes) => {
    if (pair.droppedRequest === null && !isFramed) return bytes;
    // Clients send whole requests: the first bytes that are looked at begin one.
    isFramed = true;
    rest = Buffer.concat([rest, bytes]);
    const kept: Buffer[] = [];
    while (rest.length >= headerBytes && rest.length >= rest.readInt32BE(0) + 4) {
      const request = rest.subarray(0, rest.readInt32BE(0) + 4);
      rest = rest.subarray(request.length);
      if (request.readInt16BE(4) !== pair.droppedRequest) kept.push(request);
    }
    return Buffer.concat(kept);
  };
}
