import * as z from "zod";
import { type ErrorCode, errorCodes, TuError } from "../../pipeline/errors.ts";
import type { ClientListener, GatewayClient } from "../../pipeline/ports/gateway-client.ts";

const Started = z.object({
  startUpload: z.object({
    correlationId: z.string(),
    imageUploadPayload: z.object({
      uploadId: z.string(),
      key: z.string(),
      putUrl: z.string(),
      expiresAt: z.string(),
    }),
  }),
});
const Confirmed = z.object({ confirmUpload: z.object({ status: z.string() }) });
const Answer = z.object({
  data: z.unknown(),
  errors: z
    .array(
      z.object({
        message: z.string(),
        extensions: z.object({ code: z.string().optional() }).optional(),
      }),
    )
    .optional(),
});
const Event = z.object({
  onAnalysisEvent: z.object({
    name: z.string(),
    id: z.string().nullable(),
    payload: z.unknown(),
  }),
});

const startUpload = /* GraphQL */ `
  mutation ($filename: String!, $contentType: String!) {
    startUpload(filename: $filename, contentType: $contentType) {
      correlationId
      imageUploadPayload { uploadId key putUrl expiresAt }
    }
  }
`;
const confirmUpload = /* GraphQL */ `
  mutation ($uploadId: String!, $bytes: Int!, $checksum: String!, $correlationId: String) {
    confirmUpload(
      uploadId: $uploadId
      bytes: $bytes
      checksum: $checksum
      correlationId: $correlationId
    ) { status }
  }
`;
const onAnalysisEvent = /* GraphQL */ `
  subscription ($correlationId: String) {
    onAnalysisEvent(correlationId: $correlationId) { name id payload }
  }
`;

/** A client of a gateway over HTTP and, for events, over one WebSocket. `url` is its base address. */
export async function createGraphqlGatewayClient(
  url: string,
): Promise<GatewayClient & { close(): Promise<void> }> {
  const [{ createClient }, { WebSocket }] = await Promise.all([import("graphql-ws"), import("ws")]);
  const socket = createClient({
    url: `${url.replace(/^http/, "ws")}/graphql`,
    webSocketImpl: WebSocket,
    lazy: true,
    retryAttempts: 0,
  });
  return {
    async startUpload(variables) {
      const data = await ask(url, startUpload, variables, Started);
      const { correlationId, imageUploadPayload } = data.startUpload;
      return { correlationId, ...imageUploadPayload };
    },
    async confirmUpload(variables) {
      await ask(url, confirmUpload, variables, Confirmed);
    },
    subscribe: (correlationId, listener) =>
      new Promise((resolve, reject) => {
        const unsubscribe = socket.subscribe(
          { query: onAnalysisEvent, variables: { correlationId } },
          {
            next: ({ data }) => {
              const event = Event.safeParse(data);
              if (!event.success) return;
              const { id, name, payload } = event.data.onAnalysisEvent;
              if (id === null) resolve({ close: async () => unsubscribe() });
              else listener.onEvent({ name, id, payload });
            },
            error: (error) => {
              lost(listener, error);
              reject(unavailable(url, error));
            },
            complete: () => undefined,
          },
        );
      }),
    close: async () => {
      await socket.dispose();
    },
  };
}

function lost(listener: ClientListener, error: unknown): void {
  listener.onLost(error instanceof Error ? error.message : "the event connection was closed");
}

async function ask<T>(
  url: string,
  query: string,
  variables: Record<string, unknown>,
  shape: z.ZodType<T>,
): Promise<T> {
  const response = await post(url, { query, variables });
  const answer = Answer.parse(await response.json());
  const [error] = answer.errors ?? [];
  if (error !== undefined) throw refusal(error.message, error.extensions?.code);
  return shape.parse(answer.data);
}

async function post(url: string, body: unknown): Promise<Response> {
  try {
    return await fetch(`${url}/graphql`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
  } catch (error) {
    throw unavailable(url, error);
  }
}

function refusal(message: string, code: string | undefined): TuError {
  const known = errorCodes.find((candidate): candidate is ErrorCode => candidate === code);
  return new TuError(known ?? "E_UPLOAD_REFUSED", message, {
    hint: "see the gateway's message; the image was not analysed",
  });
}

function unavailable(url: string, cause: unknown): TuError {
  return new TuError("E_SERVICE_UNAVAILABLE", `the gateway at ${url} does not answer`, {
    hint: "check that it is running",
    cause,
  });
}
