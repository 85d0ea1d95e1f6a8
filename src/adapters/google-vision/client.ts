import type { ImageAnnotatorClient } from "@google-cloud/vision/build/src/v1/image_annotator_client.js";
import type { GoogleAuth } from "google-gax";

export type Endpoint = { readonly host: string; readonly port: number; readonly isSecure: boolean };

/** Only the part that is used: one cancellable call, and closing. */
export type VisionClient = {
  batchAnnotateImages(request: object, options: { timeout: number }): CancellableCall;
  close(): Promise<void>;
};
type CancellableCall = Promise<readonly unknown[]> & { cancel(): void };

/** `http://` is an emulator: no TLS, and no credentials are sent. Throws TypeError for an invalid URL. */
export function parseEndpoint(url: string): Endpoint {
  const { hostname, port, protocol } = new URL(url);
  const isSecure = protocol === "https:";
  return { host: hostname, port: port === "" ? (isSecure ? 443 : 80) : Number(port), isSecure };
}

/** Connects on the first call. `auth` is null for an endpoint without TLS. */
export async function openClient(
  { host, isSecure, port }: Endpoint,
  auth: GoogleAuth | null,
): Promise<VisionClient> {
  // v1 alone: the package's main file loads every version.
  const { default: vision } = await import(
    "@google-cloud/vision/build/src/v1/image_annotator_client.js"
  );
  const access = isSecure && auth !== null ? { auth } : await anonymous();
  const client = new vision.ImageAnnotatorClient({
    apiEndpoint: host,
    port,
    ...access,
    // The next attempt comes sooner than the usual second, and must really connect.
    "grpc.initial_reconnect_backoff_ms": 100,
  });
  await client.initialize();
  return {
    batchAnnotateImages: callOf(client),
    close: () => client.close(),
  };
}

/**
 * The generated method hides `cancel` and retries by itself for ten minutes; the underlying call does neither when
 * `retry` is null. Retrying is up to the flow, and each attempt is billed.
 */
function callOf(client: ImageAnnotatorClient): VisionClient["batchAnnotateImages"] {
  // gax declares its calls as `Function`; this one takes a request and returns a cancellable promise.
  const call = client.innerApiCalls["batchAnnotateImages"] as (
    request: object,
    options: object,
  ) => CancellableCall;
  return (request, { timeout }) => call(request, { timeout, retry: null });
}

async function anonymous() {
  const { default: gax } = await import("google-gax");
  const authClient = new gax.googleAuthLibrary.PassThroughClient();
  const sslCreds = gax.grpc.credentials.createInsecure();
  return { auth: new gax.GoogleAuth({ authClient }), sslCreds };
}
