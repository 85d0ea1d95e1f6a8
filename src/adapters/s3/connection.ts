import {
  type ClientRequest,
  Agent as HttpAgent,
  type IncomingMessage,
  type RequestOptions,
  request as requestPlain,
} from "node:http";
import { Agent as HttpsAgent, request as requestTls } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import type { Client, ClientOptions } from "minio";
import { TuError } from "../../pipeline/errors.ts";
import { orAborted } from "../../pipeline/or-aborted.ts";
import { type Answer, explain, type Place } from "./errors.ts";

export type ConnectionOptions = {
  /** Scheme, host and port: `http://127.0.0.1:9000`. */
  readonly endpoint: URL;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
  /** Certificates to trust instead of the well-known authorities, as PEM. */
  readonly ca?: string;
  /** For one request with its repetitions. */
  readonly timeoutMs: number;
};

/** One request. `answered` is null until its response has begun. */
export type Work<T> = (client: Client, answered: () => Answer | null) => Promise<T>;

export type Connection = {
  /**
   * Runs one request; repeats it after trouble that may pass, twice at most and within the time that one has. What the
   * work throws becomes an error of ours, which begins with `doing`. The work must be safe to repeat.
   */
  run<T>(doing: string, work: Work<T>): Promise<T>;
  /** Ends what is idle. */
  close(): void;
};

/** Responses whose body the client leaves unread. */
const unread = new Set([408, 429, 499, 500, 502, 503, 504, 520]);
const pausesMs = [100, 400];
const socketsMax = 64;

/**
 * Requests to one S3 server by the client of npm's `minio`, which signs them and reads the XML of the answers. It has
 * neither deadlines nor a way to end a request, reports its own repetitions on the console, and leaves some
 * bodies unread, which blocks their connections: the requests themselves are sent here.
 */
export async function openConnection(options: ConnectionOptions): Promise<Connection> {
  const { Client } = await import("minio");
  const { bucket, endpoint, timeoutMs } = options;
  const place: Place = { bucket, host: endpoint.host };
  const transport = createTransport(options);
  const attempt = async <T>(work: Work<T>, doing: string, signal: AbortSignal) => {
    let answer: Answer | null = null;
    const request = transport.requestWith(signal, (response) => {
      answer = { status: response.statusCode ?? 0, headers: response.headers };
    });
    const client = new Client(clientOptions(options, request));
    try {
      return { value: await work(client, () => answer) };
    } catch (error) {
      return explain(error, { ...place, doing, answer });
    }
  };
  const attempts = async <T>(work: Work<T>, doing: string, signal: AbortSignal): Promise<T> => {
    for (let repeated = 0; ; repeated += 1) {
      const outcome = await attempt(work, doing, signal);
      if ("value" in outcome) return outcome.value;
      const pauseMs = pausesMs[repeated];
      if (!outcome.isPassing || pauseMs === undefined || signal.aborted) throw outcome.error;
      await sleep(pauseMs, undefined, { signal });
    }
  };
  return {
    async run(doing, work) {
      const deadline = new AbortController();
      const timer = setTimeout(() => {
        deadline.abort(tooLate(doing, place, timeoutMs));
        transport.dropIdle(); // the others are as silent
      }, timeoutMs);
      try {
        return await orAborted(attempts(work, doing, deadline.signal), deadline.signal);
      } finally {
        clearTimeout(timer);
      }
    },
    close: transport.dropIdle,
  };
}

type Send = (
  options: RequestOptions,
  onAnswer: (response: IncomingMessage) => void,
) => ClientRequest;

function createTransport({ ca, endpoint }: ConnectionOptions) {
  const isTls = endpoint.protocol === "https:";
  const settings = { keepAlive: true, maxSockets: socketsMax };
  const agent = isTls
    ? new HttpsAgent({ ...settings, ...(ca === undefined ? {} : { ca }) })
    : new HttpAgent(settings);
  const send: Send = isTls ? requestTls : requestPlain;
  return {
    requestWith:
      (signal: AbortSignal, onBegun: (response: IncomingMessage) => void): Send =>
      (asked, onAnswer) =>
        send({ ...asked, agent, signal }, (response) => {
          onBegun(response);
          if (unread.has(response.statusCode ?? 0)) response.resume();
          onAnswer(response);
        }),
    dropIdle() {
      for (const sockets of Object.values(agent.freeSockets))
        for (const socket of sockets ?? []) socket.destroy();
    },
  };
}

function clientOptions(
  { accessKey, endpoint, region, secretKey }: ConnectionOptions,
  request: Send,
): ClientOptions {
  const useSSL = endpoint.protocol === "https:";
  return {
    endPoint: endpoint.hostname.replace(/^\[|\]$/g, ""),
    port: Number(endpoint.port) || (useSSL ? 443 : 80),
    useSSL,
    accessKey,
    secretKey,
    region,
    // Of the overloads of http.request this is the one that the client calls.
    transport: { request } as unknown as NonNullable<ClientOptions["transport"]>,
    retryOptions: { disableRetry: true },
  };
}

function tooLate(doing: string, { host }: Place, timeoutMs: number): TuError {
  return new TuError(
    "E_SERVICE_UNAVAILABLE",
    `${doing}: the object storage at ${host} did not answer within ${timeoutMs} ms`,
    { hint: "check that it is running and can be reached" },
  );
}
