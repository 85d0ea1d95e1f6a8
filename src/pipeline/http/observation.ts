import * as z from "zod";
import { fromUtf8 } from "../delivery/bytes.ts";
import { StoredWire, wireOf } from "../delivery/stored-wire.ts";
import type { Clock } from "../ports/clock.ts";
import type { Digest } from "../ports/digest.ts";
import type { Endpoint, EndpointReply, EndpointRequest } from "../ports/endpoint.ts";
import type { Machines } from "../ports/machines.ts";
import type { Publisher } from "../ports/publisher.ts";
import type { Recorder } from "../trace/recorder.ts";
import { failureReply } from "./reported.ts";

// What a running pipeline tells other commands on this machine (the port `Observer`), for those who know its token.

/** A client waits again after that. */
const waitMsMax = 10_000;

export function createObservationEndpoints(ports: {
  readonly clock: Pick<Clock, "sleep">;
  readonly digest: Digest;
  readonly machines: Pick<Machines, "findByObjectKey">;
  readonly recorder: Pick<Recorder, "hopsOf" | "until">;
  readonly publisher: Publisher;
  readonly token: string;
  /** Aborted when it closes: nobody waits any longer. */
  readonly closing: AbortSignal;
}): readonly Endpoint[] {
  const { digest, machines, publisher, recorder, token } = ports;
  const bytesOf = (text: string) => digest(new TextEncoder().encode(text));
  const expected = bytesOf(`Bearer ${token}`);
  // Comparing digests takes the same time for every wrong token.
  const isAllowed = ({ headers }: EndpointRequest) =>
    bytesOf(headers["authorization"] ?? "") === expected;
  const admitted = (
    method: "GET" | "POST",
    path: string,
    answer: (request: EndpointRequest) => Promise<EndpointReply>,
  ): Endpoint => ({
    ...{ method, path, hop: null },
    handle: async (request) =>
      isAllowed(request)
        ? answer(request)
        : { status: 401, body: { title: "Unauthorized", status: 401 } },
  });
  const get = (path: string, answer: (query: URLSearchParams) => Promise<unknown>): Endpoint =>
    admitted("GET", path, async ({ target }) => {
      const { searchParams } = new URL(target, "http://loopback");
      return { status: 200, body: await answer(searchParams) };
    });
  return [
    get("/hops", async (query) => {
      const flowId = query.get("flow") ?? "";
      const known = numberIn(query, "known");
      const waitMs = Math.min(waitMsMax, numberIn(query, "waitMs"));
      if (recorder.hopsOf(flowId).length <= known) await oneMore(ports, flowId, known, waitMs);
      return { hops: recorder.hopsOf(flowId).slice(known) };
    }),
    get("/machine", async (query) => ({
      machine: (await machines.findByObjectKey(query.get("objectKey") ?? "")) ?? null,
    })),
    admitted("POST", "/publish", ({ body }) => publish(body, publisher)),
  ];
}

const Publication = z.object({
  destination: z.discriminatedUnion("transport", [
    z.object({ transport: z.literal("kafka"), topic: z.string() }),
    z.object({ transport: z.literal("rabbitmq"), exchange: z.string() }),
  ]),
  wire: StoredWire,
});

async function publish(body: Uint8Array, publisher: Publisher): Promise<EndpointReply> {
  try {
    const { destination, wire } = Publication.parse(JSON.parse(fromUtf8(body) ?? ""));
    return { status: 200, body: await publisher.send(destination, wireOf(wire)) };
  } catch (error) {
    return failureReply(error);
  }
}

type Waiting = Pick<
  Parameters<typeof createObservationEndpoints>[0],
  "clock" | "closing" | "recorder"
>;

async function oneMore(
  { clock, closing, recorder }: Waiting,
  flowId: string,
  known: number,
  waitMs: number,
): Promise<void> {
  const seen = new Set(recorder.hopsOf(flowId).slice(0, known));
  const patience = new AbortController();
  const tooLong = clock
    .sleep(waitMs, AbortSignal.any([patience.signal, closing]))
    .catch(() => undefined); // a hop arrived, or it closes
  await Promise.race([recorder.until(flowId, (hop) => !seen.has(hop)), tooLong]);
  patience.abort();
}

/** Whatever is no number counts as 0. */
function numberIn(query: URLSearchParams, name: string): number {
  const number = Number(query.get(name));
  return Number.isInteger(number) && number > 0 ? number : 0;
}
