import { createHash, createHmac } from "node:crypto";
import { requirePresignable } from "../../pipeline/domain/object-key.ts";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type { ObjectStore } from "../../pipeline/ports/object-store.ts";

export type PresignerOptions = {
  /** Scheme, host and port by which clients reach the server: the host is part of the signature. */
  readonly publicBaseUrl: URL;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
  readonly clock: Clock;
};

/**
 * Presigned URLs by AWS Signature Version 4 (query parameters, unsigned payload), without a request. The client of
 * npm's `minio` leaves the content type out of the signature.
 */
export function createPresigner(options: PresignerOptions): ObjectStore["presign"] {
  const { accessKey, bucket, clock, publicBaseUrl, region, secretKey } = options;
  return (request) => {
    requirePresignable(request);
    const { contentType, expiresInSeconds, key, method } = request;
    const nowMs = clock.nowMs();
    // Both in whole seconds, and together never earlier than requested.
    const signedMs = Math.floor(nowMs / 1000) * 1000;
    const seconds = Math.ceil(nowMs / 1000) + expiresInSeconds - signedMs / 1000;
    const signedAt = new Date(signedMs).toISOString().replace(/[-:]|\.000/g, "");
    const scope = `${signedAt.slice(0, 8)}/${region}/s3/aws4_request`;
    const headers = {
      ...(method === "PUT" ? { "content-type": contentType } : {}),
      host: publicBaseUrl.host,
    };
    const path = `/${bucket}/${key}`; // no character of a bucket's name or a key is written otherwise in a URL
    const query = queryOf({
      "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
      "X-Amz-Credential": `${accessKey}/${scope}`,
      "X-Amz-Date": signedAt,
      "X-Amz-Expires": String(seconds),
      "X-Amz-SignedHeaders": Object.keys(headers).join(";"),
    });
    const canonical = [method, path, query, ...canonicalHeaders(headers), "UNSIGNED-PAYLOAD"];
    const digest = createHash("sha256").update(canonical.join("\n")).digest("hex");
    const toSign = ["AWS4-HMAC-SHA256", signedAt, scope, digest].join("\n");
    const signature = hmac(signingKey(secretKey, scope), toSign).toString("hex");
    return {
      url: `${publicBaseUrl.origin}${path}?${query}&X-Amz-Signature=${signature}`,
      expiresAt: new Date(signedMs + seconds * 1000).toISOString(),
    };
  };
}

/** As the signature wants it, which is neither how URLSearchParams nor how encodeURIComponent writes it. */
function queryOf(parameters: Readonly<Record<string, string>>): string {
  const hex = (char: string) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`;
  return Object.entries(parameters)
    .map(([name, value]) => `${name}=${encodeURIComponent(value).replace(/[!'()*]/g, hex)}`)
    .join("&");
}

/** The headers, an empty line, and their names; they are sorted. */
function canonicalHeaders(headers: Readonly<Record<string, string>>): readonly string[] {
  const lines = Object.entries(headers).map(
    ([name, value]) => `${name}:${value.replace(/ +/g, " ")}`,
  );
  return [...lines, "", Object.keys(headers).join(";")];
}

const hmac = (key: Uint8Array | string, text: string) =>
  createHmac("sha256", key).update(text).digest();

function signingKey(secretKey: string, scope: string): Uint8Array | string {
  return scope.split("/").reduce<Uint8Array | string>(hmac, `AWS4${secretKey}`);
}
