import { createRequire } from "node:module";
import { createServer, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { GrpcClient, grpc } from "google-gax";

// Google Vision on loopback: the service of the client's own protos, behind a real gRPC server, and servers that do
// not speak gRPC.

/** A pending request, and how it ends. */
type Exchange = {
  readonly request: AnnotateRequest;
  answer(response: object): void;
  fail(code: number, details: string): void;
};
export type AnnotateRequest = {
  readonly requests: readonly {
    readonly image: { readonly content: Uint8Array };
    readonly features: readonly { readonly type: string; readonly maxResults: number }[];
  }[];
};
export type VisionServer = {
  /** In the form the client accepts: no TLS. */
  readonly endpoint: string;
  readonly requests: readonly AnnotateRequest[];
  /** Calls that the client cancelled before they were answered. */
  cancelled(): number;
  /** Shuts down gracefully (GOAWAY): answers pending calls, accepts no more. */
  drain(): void;
  close(): Promise<void>;
};

const require = createRequire(import.meta.url);
const protos = join(
  dirname(require.resolve("@google-cloud/vision/package.json")),
  "build",
  "protos",
);

/** Passes every call to `handle`; one that it ignores is never answered. */
export async function startVisionServer(
  handle: (exchange: Exchange) => void,
): Promise<VisionServer> {
  const requests: AnnotateRequest[] = [];
  let cancelled = 0;
  const server = new grpc.Server();
  server.addService(annotatorService(), {
    batchAnnotateImages: (
      call: grpc.ServerUnaryCall<AnnotateRequest, object>,
      callback: grpc.sendUnaryData<object>,
    ) => {
      requests.push(call.request);
      call.on("cancelled", () => {
        cancelled += 1;
      });
      handle({
        request: call.request,
        answer: (response) => callback(null, response),
        fail: (code, details) => callback({ code, details }),
      });
    },
  });
  const port = await bind(server);
  return {
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    cancelled: () => cancelled,
    drain: () => server.tryShutdown(() => undefined),
    close: async () => server.forceShutdown(),
  };
}

/** Loads the `.proto` files themselves, not what the client generated from them. */
function annotatorService(): grpc.ServiceDefinition {
  const loaded = new GrpcClient().loadProto(
    protos,
    join("google", "cloud", "vision", "v1", "image_annotator.proto"),
  );
  // Packages nest as in the file; the service constructor carries its definition.
  const { google } = loaded as unknown as {
    google: { cloud: { vision: { v1: { ImageAnnotator: grpc.ServiceClientConstructor } } } };
  };
  return google.cloud.vision.v1.ImageAnnotator.service;
}

function bind(server: grpc.Server): Promise<number> {
  const credentials = grpc.ServerCredentials.createInsecure();
  return new Promise((resolve, reject) => {
    server.bindAsync("127.0.0.1:0", credentials, (error, port) =>
      error === null ? resolve(port) : reject(error),
    );
  });
}

/** A port that accepts connections and passes them to `take`, which does nothing with them, or worse. */
export async function startBrokenServer(
  take: (socket: Socket) => void,
): Promise<{ readonly endpoint: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined); // the client disconnects, as it should
    take(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
