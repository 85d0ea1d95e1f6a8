import { createHash, createHmac } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { required, type Start } from "./deployed.ts";
import { textOf } from "./json.ts";
import { type Answer, closeServer, type Handle, serveJson } from "./json-http.ts";

/** tu-storage-service: presigns; every request needs the internal token. */
export const startStorage: Start = async ({ port }) => {
  const apiKey = required("INTERNAL_AUTH_API_KEY");
  const guarded =
    (handle: Handle): Handle =>
    (body, request) =>
      refusal(request, apiKey) ?? handle(body, request);
  const server = await serveJson(port, {
    "POST /internal/v1/storage/presign-put": guarded((body) => presigned("PUT", body)),
    "POST /internal/v1/storage/presign-get": guarded((body) => presigned("GET", body)),
    "GET /health": guarded(() => ({ status: 200, body: "Healthy" })),
  });
  return { close: () => closeServer(server) };
};

function refusal({ headers }: IncomingMessage, apiKey: string): Answer | null {
  const token = headers["x-internal-token"];
  if (token === undefined) return { status: 401, body: "Missing internal token" };
  return token === apiKey ? null : { status: 401, body: "Invalid internal token" };
}

function presigned(method: "PUT" | "GET", body: Readonly<Record<string, unknown>>): Answer {
  const key = textOf(body["key"]).trim();
  const ttlSec = Number(body["ttlsec"]);
  const contentType = textOf(body["contenttype"]).trim().toLowerCase();
  const errors = {
    ...(key === "" ? { key: ["Required"] } : {}),
    ...(/^[\w/.-]*$/.test(key) ? {} : { key: ["InvalidCharacterSet"] }),
    ...(ttlSec >= 1 && ttlSec <= 3600 ? {} : { ttlSec: ["Range1To3600"] }),
    ...(method === "GET" || contentType.startsWith("image/")
      ? {}
      : { contentType: ["MustStartWithImageSlash"] }),
  };
  if (Object.keys(errors).length > 0) return { status: 422, body: { errors } };
  const expiresAt = new Date(Date.now() + ttlSec * 1000).toISOString();
  return { status: 200, body: { url: signedUrl(method, key, ttlSec), expiresAt } };
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const hmac = (key: string | Buffer, text: string) =>
  createHmac("sha256", key).update(text).digest();

/** AWS Signature Version 4 in the query. The content type is not signed. */
function signedUrl(method: string, key: string, ttlSec: number): string {
  const region = process.env["Minio__Region"] ?? "eu-central-1";
  const base = new URL(required("Minio__PublicBaseUrl"));
  const path = `/${required("Minio__BucketName")}/${key}`;
  const now = new Date().toISOString().replace(/[:-]|[.]\d+/g, "");
  const scope = `${now.slice(0, 8)}/${region}/s3/aws4_request`;
  const query = new URLSearchParams({
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": `${required("Minio__AccessKey")}/${scope}`,
    "X-Amz-Date": now,
    "X-Amz-Expires": String(ttlSec),
    "X-Amz-SignedHeaders": "host",
  });
  const asked = [method, path, String(query), `host:${base.host}`, "", "host", "UNSIGNED-PAYLOAD"];
  const signed = ["AWS4-HMAC-SHA256", now, scope, sha256(asked.join("\n"))].join("\n");
  const signingKey = [now.slice(0, 8), region, "s3", "aws4_request"].reduce<string | Buffer>(
    hmac,
    `AWS4${required("Minio__SecretKey")}`,
  );
  query.set("X-Amz-Signature", hmac(signingKey, signed).toString("hex"));
  return `${base.origin}${path}?${query}`;
}
