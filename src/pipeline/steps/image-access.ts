import * as z from "zod";
import type { ServiceName } from "../contracts/contract.ts";
import { checksumPattern } from "../contracts/upload.ts";
import { TuError } from "../errors.ts";
import { type Caller, callHeaders, postJson, presignedUrl } from "../http/call.ts";
import { internalTokenHeader } from "../http/internal-token.ts";
import { outageMs, silenceMs, throughOutages } from "../http/through-outages.ts";
import type { Message } from "../message.ts";
import type { Clock } from "../ports/clock.ts";
import type { Digest } from "../ports/digest.ts";
import type { HttpClient, HttpResponse } from "../ports/http-client.ts";

export const imageBytesMax = 10 * 1024 * 1024;

/** Fetches the picture of a message. Rejects with the signal's reason when it is aborted. */
export type ImageAccess = (message: Message, signal: AbortSignal) => Promise<Uint8Array>;

/**
 * Gives an analysing service access to a picture: a presigned GET from the media-access service, then the object
 * itself. Waits for a store that is away (`throughOutages`), so that an outage does not use up the attempts of a step;
 * requests another URL once if one is refused; accepts image/* and application/octet-stream of at most 10 MiB, and only
 * the picture that was uploaded: size and checksum must match the upload event, if the message carries them. Throws
 * E_IMAGE_CHANGED, E_OBJECT_NOT_FOUND, E_URL_REFUSED, E_FETCH_FAILED, E_SERVICE_UNAVAILABLE, E_IMAGE_EMPTY,
 * E_IMAGE_TOO_LARGE, E_IMAGE_TYPE_REFUSED.
 */
export function createImageAccess(ports: {
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly digest: Digest;
  readonly service: ServiceName;
  readonly mediaAccessUrl: () => string;
  readonly internalToken: string;
}): ImageAccess {
  const fetched = async (objectKey: string, caller: Caller, http: HttpClient) => {
    const answer = await postJson(http, {
      url: `${ports.mediaAccessUrl()}/internal/v0/media/get-url`,
      body: { objectKey },
      headers: { ...callHeaders(caller), [internalTokenHeader]: ports.internalToken },
      silenceMs,
    });
    const { url } = presignedUrl(answer, "media access");
    const headers = { ...callHeaders(caller), accept: "image/*" };
    return http.send({ method: "GET", url, headers, silenceMs });
  };
  return async ({ flowId, payload, subject: objectKey }, signal) => {
    const caller: Caller = { service: ports.service, flowId };
    const http = throughOutages(ports.http, { clock: ports.clock, forMs: outageMs, signal });
    const first = await fetched(objectKey, caller, http);
    const response = isRefused(first) ? await fetched(objectKey, caller, http) : first;
    const image = checkedImage(objectKey, response);
    requireUnchanged(objectKey, image, claimIn(payload), ports.digest);
    return image;
  };
}

/** Stores also answer this way when a URL expired between signing and use. */
function isRefused({ status }: HttpResponse): boolean {
  return status === 401 || status === 403;
}

const Claim = z.object({
  bytes: z.int().positive().optional().catch(undefined),
  checksum: z.string().regex(checksumPattern).optional().catch(undefined),
});
export type Claim = z.infer<typeof Claim>;

/** The upload event's claim about the picture, as far as the payload carries it. */
export function claimIn(payload: unknown): Claim {
  const claim = Claim.safeParse(payload);
  return claim.success ? claim.data : {};
}

/** Stored objects are immutable; if one changed, it is not the picture of this message. */
function requireUnchanged(
  objectKey: string,
  image: Uint8Array,
  { bytes, checksum }: Claim,
  digest: Digest,
): void {
  if (bytes !== undefined && bytes !== image.length) {
    throw changed(`${objectKey} has ${image.length} bytes, but ${bytes} were uploaded`);
  }
  if (checksum !== undefined && checksum.toLowerCase() !== `sha256:${digest(image)}`) {
    throw changed(`${objectKey} does not have the checksum of the upload`);
  }
}

function changed(what: string): TuError {
  return new TuError("E_IMAGE_CHANGED", what, {
    hint: "upload the picture again; the stored object is damaged or was replaced",
  });
}

function checkedImage(objectKey: string, response: HttpResponse): Uint8Array {
  const { body, headers, status } = response;
  if (status === 404) {
    throw new TuError("E_OBJECT_NOT_FOUND", `there is no object ${objectKey}`);
  }
  if (isRefused(response)) {
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
    throw new TuError(
      "E_IMAGE_TOO_LARGE",
      `${objectKey} has ${body.length} bytes; the limit is 10 MiB`,
    );
  }
  return body;
}
