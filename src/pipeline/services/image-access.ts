import type { ServiceName } from "../contracts/contract.ts";
import { TuError } from "../errors.ts";
import type { Clock, HttpClient, HttpResponse } from "../ports.ts";
import { type Caller, callHeaders, postJson, presignedUrl } from "./call.ts";

export const imageBytesMax = 10 * 1024 * 1024;
const triesMax = 3;
const firstWaitMs = 200;

export type ImageAccess = (objectKey: string, flowId: string) => Promise<Uint8Array>;

/**
 * How an analysing service gets at a picture: a presigned GET from the media-access service, then
 * the object itself. Tries 408, 429 and 5xx again after 200 and 400 ms; takes image/* and
 * application/octet-stream of at most 10 MiB. Throws E_OBJECT_NOT_FOUND, E_URL_REFUSED,
 * E_FETCH_FAILED, E_IMAGE_EMPTY, E_IMAGE_TOO_LARGE, E_IMAGE_TYPE_REFUSED.
 */
export function createImageAccess(ports: {
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly service: ServiceName;
  readonly mediaAccessUrl: () => string;
}): ImageAccess {
  return async (objectKey, flowId) => {
    const caller: Caller = { service: ports.service, flowId };
    const answer = await again(ports.clock, () =>
      postJson(ports.http, {
        url: `${ports.mediaAccessUrl()}/internal/v0/media/get-url`,
        body: { objectKey },
        headers: callHeaders(caller),
      }),
    );
    const { url } = presignedUrl(answer, "media access");
    const response = await again(ports.clock, () =>
      ports.http.send({
        method: "GET",
        url,
        headers: { ...callHeaders(caller), accept: "image/*" },
        timeoutMs: 30_000,
      }),
    );
    return checkedImage(objectKey, response);
  };
}

async function again<R extends HttpResponse>(clock: Clock, send: () => Promise<R>): Promise<R> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await send();
    if (!isTransient(response.status) || attempt === triesMax) return response;
    await clock.sleep(firstWaitMs * 2 ** (attempt - 1));
  }
}

function isTransient(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

function checkedImage(objectKey: string, { body, headers, status }: HttpResponse): Uint8Array {
  if (status === 404) {
    throw new TuError("E_OBJECT_NOT_FOUND", `there is no object ${objectKey}`);
  }
  if (status === 401 || status === 403) {
    throw new TuError("E_URL_REFUSED", `the object store refused the URL for ${objectKey}`);
  }
  if (status !== 200) {
    throw new TuError("E_FETCH_FAILED", `the object store answered ${status} for ${objectKey}`);
  }
  const contentType = headers["content-type"] ?? "";
  if (!contentType.startsWith("image/") && contentType !== "application/octet-stream") {
    throw new TuError("E_IMAGE_TYPE_REFUSED", `${objectKey} is stored as ${contentType}`);
  }
  if (body.length === 0) throw new TuError("E_IMAGE_EMPTY", `${objectKey} is empty`);
  if (body.length > imageBytesMax) {
    throw new TuError("E_IMAGE_TOO_LARGE", `${objectKey} has ${body.length} bytes; at most 10 MiB`);
  }
  return body;
}
