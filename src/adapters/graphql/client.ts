import * as z from "zod";
import { type ErrorCode, errorCodes, TuError } from "../../pipeline/errors.ts";
import type {
  ClientListener,
  DeployedGateway,
  GatewayClient,
} from "../../pipeline/ports/gateway-client.ts";

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

/** The deployed gateway takes no correlation id. */
const confirmDeployed = /* GraphQL */ `
  mutation ($uploadId: String!, $bytes: Int!, $checksum: String!) {
    confirmUpload(uploadId: $uploadId, bytes: $bytes, checksum: $checksum) { status }
  }
`;

const onAnalysisCompleted = /* GraphQL */ `
  subscription {
    onAnalysisCompleted {
      success
      recognitionPayload {
        provider { name apiVersion featureset maxResults }
        aggregate { brand type model confidence isConfident typeConfidence typeSource name }
      }
    }
  }
`;
const Completed = z.object({ onAnalysisCompleted: z.unknown() });

/** `url` is its base address, `token` a bearer token or null. */
export async function createDeployedGatewayClient(
  url: string,
  token: string | null,
): Promise<DeployedGateway & { close(): Promise<void> }> {
  const [{ createClient }, { WebSocket }] = await Promise.all([import("graphql-ws"), import("ws")]);
  const headers = authorizationOf(token);
  class Authorized extends WebSocket {
    constructor(address: string, protocols: string[]) {
      super(address, protocols, { headers });
    }
  }
  const socket = createClient({
    url: `${url.replace(/^http/, "ws")}/graphql`,
    webSocketImpl: Authorized,
    retryAttempts: 0,
  });
  const gateway = { url, token };
  let isConnected = false;
  socket.on("connected", () => {
    isConnected = true;
  });
  socket.on("closed", () => {
    isConnected = false;
  });
  return {
    startUpload: (variables) => startOn(gateway, variables),
    async confirmUpload({ bytes, checksum, uploadId }) {
      await ask(gateway, confirmDeployed, { bytes, checksum, uploadId }, Confirmed);
    },
    onCompleted: (listener, onLost) =>
      new Promise((resolve, reject) => {
        const unsubscribe = socket.subscribe(
          { query: onAnalysisCompleted },
          {
            next: ({ data }) => {
              const { data: event } = Completed.safeParse(data);
              if (event !== undefined) listener(event.onAnalysisCompleted);
            },
            error: (error) => {
              lost({ onLost }, error);
              reject(unavailable(url, error));
            },
            complete: () => undefined,
          },
        );
        // It acknowledges the connection, and no subscription.
        const settled = { close: async () => unsubscribe() };
        socket.on("connected", () => resolve(settled));
        if (isConnected) resolve(settled);
      }),
    close: async () => {
      await socket.dispose();
    },
  };
}

const authorizationOf = (token: string | null) =>
  token === null ? {} : { authorization: `Bearer ${token}` };

/** A client of our gateway over HTTP and, for events, over one WebSocket. `url` is its base address. */
export async function createGraphqlGatewayClient(
  url: string,
): Promise<GatewayClient & { close(): Promise<void> }> {
  const gateway = { url, token: null };
  const [{ createClient }, { WebSocket }] = await Promise.all([import("graphql-ws"), import("ws")]);
  const socket = createClient({
    url: `${url.replace(/^http/, "ws")}/graphql`,
    webSocketImpl: WebSocket,
    lazy: true,
    retryAttempts: 0,
  });
  return {
    startUpload: (variables) => startOn(gateway, variables),
    async confirmUpload(variables) {
      await ask(gateway, confirmUpload, variables, Confirmed);
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

function lost(listener: Pick<ClientListener, "onLost">, error: unknown): void {
  listener.onLost(error instanceof Error ? error.message : "the event connection was closed");
}

async function startOn(
  gateway: Place,
  variables: Parameters<GatewayClient["startUpload"]>[0],
): ReturnType<GatewayClient["startUpload"]> {
  const data = await ask(gateway, startUpload, variables, Started);
  const { correlationId, imageUploadPayload } = data.startUpload;
  return { correlationId, ...imageUploadPayload };
}

type Place = { readonly url: string; readonly token: string | null };

async function ask<T>(
  gateway: Place,
  query: string,
  variables: Record<string, unknown>,
  shape: z.ZodType<T>,
): Promise<T> {
  const response = await post(gateway, { query, variables });
  if (response.status === 401 || response.status === 403) throw notAdmitted(gateway, response);
  const answer = Answer.parse(await response.json());
  const [error] = answer.errors ?? [];
  if (error !== undefined) throw refusal(error.message, error.extensions?.code);
  return shape.parse(answer.data);
}

const notAdmitted = ({ url }: Place, { status }: Response) =>
  new TuError("E_ACCESS_REFUSED", `the gateway at ${url} answers with status ${status}`, {
    hint: "check gateway.token of the context",
  });

async function post({ token, url }: Place, body: unknown): Promise<Response> {
  try {
    return await fetch(`${url}/graphql`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        ...authorizationOf(token),
      },
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
