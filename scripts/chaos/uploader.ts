import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { setTimeout as wait } from "node:timers/promises";
import { createGraphqlGatewayClient } from "../../src/adapters/graphql/client.ts";
import { createFetchHttpClient } from "../../src/adapters/http/client.ts";
import { createSystemClock } from "../../src/adapters/memory/clock.ts";
import { endsOfAnalysis } from "../../src/pipeline/contracts/analysis.ts";
import { outageMs, putTimeoutMs, throughOutages } from "../../src/pipeline/http/through-outages.ts";
import type { GatewayClient } from "../../src/pipeline/ports/gateway-client.ts";
import type { HttpClient } from "../../src/pipeline/ports/http-client.ts";
import type { Subscription } from "../../src/pipeline/ports/transport.ts";

// A client that uploads without a pause, with so many flows in flight, and hears of each over its subscription.

export type Uploader = {
  /** Accepted, and the client has not heard of an end. */
  readonly inFlight: ReadonlySet<string>;
  readonly accepted: ReadonlySet<string>;
  /** How long those that ended since the last call took from their confirmation, in milliseconds. */
  latencies(): readonly number[];
  /** The reasons, since the last call. */
  refusals(): readonly string[];
  /** What no client may be told, since the start. */
  readonly problems: readonly string[];
  /** Resolves with those that have not ended by then; they are no longer waited for. */
  ended(flowIds: readonly string[], timeoutMs: number): Promise<readonly string[]>;
  /** Starts nothing new. */
  stop(): Promise<void>;
  close(): Promise<void>;
};

const clock = createSystemClock();
const contentType = "image/jpeg";
/** `makePictures` leaves every tenth picture without an answer: its analysis fails, as it should. */
const unansweredEvery = 10;
/** After its end a flow is listened to for some while: there must not be another one. */
const listeningMax = 30;

type Picture = { readonly bytes: Uint8Array; readonly isAnswered: boolean };

export async function startUploader(options: {
  readonly url: string;
  readonly pictures: readonly string[];
  readonly inFlight: number;
}): Promise<Uploader> {
  const clients = await Promise.all(
    Array.from({ length: options.inFlight }, () => createGraphqlGatewayClient(options.url)),
  );
  const pictures = await Promise.all(
    options.pictures.map(async (path, index): Promise<Picture> => {
      return { bytes: await readFile(path), isAnswered: index % unansweredEvery !== 0 };
    }),
  );
  const http = createFetchHttpClient();
  const inFlight = new Set<string>();
  const accepted = new Set<string>();
  const ends = new Map<string, string[]>();
  const problems: string[] = [];
  let refusals: string[] = [];
  let latencies: number[] = [];
  let isStopping = false;
  let turn = 0;

  const heard = (flowId: string, { isAnswered }: Picture, name: string) => {
    const before = ends.get(flowId) ?? [];
    ends.set(flowId, [...before, name]);
    inFlight.delete(flowId);
    if (before.length > 0) problems.push(`${flowId}: a client was told ${name} after ${before}`);
    if ((name === "analysis.completed") !== isAnswered)
      problems.push(`${flowId}: a client was told ${name}`);
  };
  const uploadOne = async (gateway: GatewayClient, picture: Picture) => {
    const started = await gateway.startUpload({ filename: "a.jpg", contentType });
    const flowId = started.correlationId;
    const subscription = await gateway.subscribe(flowId, {
      onEvent: ({ name }) => endsOfAnalysis.includes(name) && heard(flowId, picture, name),
      onLost: (reason) =>
        isStopping || problems.push(`${flowId}: a client lost its events: ${reason}`),
    });
    await put(http, started.putUrl, flowId, picture);
    await gateway.confirmUpload({
      ...{ uploadId: started.uploadId, bytes: picture.bytes.length, correlationId: flowId },
      checksum: `sha256:${createHash("sha256").update(picture.bytes).digest("hex")}`,
    });
    accepted.add(flowId);
    if (!ends.has(flowId)) inFlight.add(flowId);
    return { flowId, subscription };
  };
  const worker = async (gateway: GatewayClient) => {
    const listening: Subscription[] = [];
    while (!isStopping) {
      const picture = pictures[turn++ % pictures.length] as Picture; // there are some
      try {
        const { flowId, subscription } = await uploadOne(gateway, picture);
        if (listening.push(subscription) > listeningMax) await listening.shift()?.close();
        const startedAt = performance.now();
        while (inFlight.has(flowId) && !isStopping) await wait(5);
        latencies.push(performance.now() - startedAt);
      } catch (error) {
        refusals.push(reasonOf(error));
        await wait(100);
      }
    }
  };
  const workers = Promise.all(clients.map(worker));
  return {
    ...{ inFlight, accepted, problems },
    latencies() {
      const seen = latencies;
      latencies = [];
      return seen;
    },
    refusals() {
      const told = refusals;
      refusals = [];
      return told;
    },
    ended: (flowIds, timeoutMs) => ended(inFlight, flowIds, timeoutMs),
    async stop() {
      isStopping = true;
      await workers;
    },
    async close() {
      await Promise.all(clients.map((client) => client.close()));
    },
  };
}

async function ended(
  inFlight: Set<string>,
  flowIds: readonly string[],
  timeoutMs: number,
): Promise<readonly string[]> {
  const left = () => flowIds.filter((id) => inFlight.has(id));
  for (const until = Date.now() + timeoutMs; Date.now() < until; await wait(5))
    if (left().length === 0) return [];
  const late = left();
  for (const id of late) inFlight.delete(id);
  return late;
}

/** As `upload` does it. */
async function put(
  http: HttpClient,
  url: string,
  flowId: string,
  { bytes }: Picture,
): Promise<void> {
  const headers = { "content-type": contentType, "x-correlation-id": flowId };
  const patient = throughOutages(http, { clock, forMs: outageMs });
  const timeoutMs = putTimeoutMs(bytes.length);
  const { status } = await patient.send({ method: "PUT", url, headers, body: bytes, timeoutMs });
  if (status !== 200) throw new Error(`the object store answered ${status}`);
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return JSON.stringify(error);
  return error.cause === undefined ? error.message : `${error.message}: ${reasonOf(error.cause)}`;
}
