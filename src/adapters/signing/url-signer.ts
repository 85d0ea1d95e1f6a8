import { createHmac, timingSafeEqual } from "node:crypto";
import { problemWithKey, requirePresignable } from "../../pipeline/domain/object-key.ts";
import type { Clock } from "../../pipeline/ports/clock.ts";
import type { PresignRequest, UrlSigner } from "../../pipeline/ports/object-store.ts";

export type UrlSignerOptions = {
  /** Scheme, host and port under which the objects are served, queried for each signature. */
  readonly baseUrl: () => string;
  readonly secret: Uint8Array | string;
  readonly clock: Clock;
};

/** What a request must match exactly; HMAC-SHA256 covers these four. */
type Grant = {
  readonly method: string;
  readonly key: string;
  /** Seconds since the epoch. */
  readonly expires: number;
  readonly contentType: string;
};

const bucket = "trackunit-images";
const targetPattern =
  /^\/trackunit-images\/([^?]+)\?X-Tu-Expires=(\d{1,12})(?:&X-Tu-Content-Type=[^&]+)?&X-Tu-Signature=([0-9a-f]{64})$/;

/**
 * URLs that open one object to one method for 1–3600 seconds: `/trackunit-images/{key}?X-Tu-Expires={epoch
 * seconds}[&X-Tu-Content-Type={type}]&X-Tu-Signature={hex}`. The type is included for a PUT, whose Content-Type
 * header must match it exactly.
 *
 * A request is allowed if its target is exactly the one that would be signed today for its content; another order,
 * encoding, case or number of parameters is a change like any other.
 */
export function createUrlSigner(options: UrlSignerOptions): UrlSigner {
  const { clock, secret } = options;
  const sign = ({ method, key, expires, contentType }: Grant): string =>
    createHmac("sha256", secret)
      // None of the four can contain a line break.
      .update([method, key, expires, contentType].join("\n"))
      .digest("hex");
  return {
    presign(request) {
      const grant = grantOf(request, clock.nowMs());
      return {
        url: options.baseUrl() + targetOf(grant, sign(grant)),
        expiresAt: new Date(grant.expires * 1000).toISOString(),
      };
    },
    authorize({ method, target, contentType }) {
      const [, key, expires, signature] = targetPattern.exec(target) ?? [];
      if (key === undefined || expires === undefined || signature === undefined)
        return { allowed: false, reason: "malformed" };
      if (problemWithKey(key) !== undefined) return { allowed: false, reason: "malformed" };
      const grant: Grant = { method, key, expires: Number(expires), contentType };
      const isSigned = isEqual(signature, sign(grant));
      if (!isSigned || target !== targetOf(grant, signature))
        return { allowed: false, reason: "signature" };
      if (clock.nowMs() >= grant.expires * 1000) return { allowed: false, reason: "expired" };
      return { allowed: true, key };
    },
  };
}

function grantOf(request: PresignRequest, nowMs: number): Grant {
  requirePresignable(request);
  const { method, key, contentType, expiresInSeconds } = request;
  // Rounded up: a URL never expires earlier than requested.
  const expires = Math.ceil(nowMs / 1000) + expiresInSeconds;
  return { method, key, expires, contentType: method === "PUT" ? contentType : "" };
}

function targetOf({ method, key, expires, contentType }: Grant, signature: string): string {
  const type = method === "PUT" ? `&X-Tu-Content-Type=${encodeURIComponent(contentType)}` : "";
  return `/${bucket}/${key}?X-Tu-Expires=${expires}${type}&X-Tu-Signature=${signature}`;
}

const isEqual = (a: string, b: string) =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
