import { TuError } from "../errors.ts";
import type { Endpoint, EndpointReply, EndpointRequest } from "../ports/endpoint.ts";
import type { EmbeddedObjectStore } from "../ports/object-store.ts";
import { imageBytesMax } from "../steps/image-access.ts";

/** Lower-case hex. */
type Md5 = (bytes: Uint8Array) => string;

/**
 * The object store's HTTP edge: presigned PUT and GET with S3 semantics. The ETag is the MD5 of the bytes,
 * Content-MD5 is verified, a single byte range is served, and errors are S3's XML.
 */
export function createObjectStoreEndpoints(
  objects: EmbeddedObjectStore,
  md5: Md5,
): readonly Endpoint[] {
  return [
    {
      method: "PUT",
      path: "/*",
      hop: "PUT object",
      handle: async (request) => {
        const access = authorize(objects, request);
        if (!access.allowed) return refused(access.reason, request);
        if (isOfUnknownLength(request)) return s3Error("MissingContentLength", request);
        if (request.body.length > imageBytesMax) return s3Error("EntityTooLarge", request);
        const digest = request.headers["content-md5"];
        if (digest !== undefined && !/^[A-Za-z0-9+/]{22}==$/.test(digest))
          return s3Error("InvalidDigest", request);
        if (digest !== undefined && hexOf(atob(digest)) !== md5(request.body))
          return s3Error("BadDigest", request);
        return put(access.key, request, objects, md5);
      },
    },
    {
      method: "GET",
      path: "/*",
      hop: "GET object",
      handle: async (request) => {
        const access = authorize(objects, request);
        if (!access.allowed) return refused(access.reason, request);
        const object = await objects.get(access.key);
        if (object === undefined) return s3Error("NoSuchKey", request);
        return serve(object, etagOf(object.bytes, md5), request);
      },
    },
  ];
}

/** Objects are immutable: S3 enforces that for requests with `if-none-match`, this store for all. */
async function put(
  key: string,
  request: EndpointRequest,
  objects: EmbeddedObjectStore,
  md5: Md5,
): Promise<EndpointReply> {
  try {
    await objects.put(key, request.body, { contentType: contentTypeOf(request) });
    return { status: 200, headers: { etag: etagOf(request.body, md5) }, body: "" };
  } catch (error) {
    if (!(error instanceof TuError) || error.code !== "E_OBJECT_EXISTS") throw error;
    return s3Error("PreconditionFailed", request);
  }
}

function serve(
  { bytes, contentType }: { readonly bytes: Uint8Array; readonly contentType: string },
  etag: string,
  request: EndpointRequest,
): EndpointReply {
  const headers = { "content-type": contentType, etag, "accept-ranges": "bytes" };
  const { "if-match": match, "if-none-match": noneMatch, range } = request.headers;
  if (match !== undefined && !names(match, etag)) return s3Error("PreconditionFailed", request);
  if (noneMatch !== undefined && names(noneMatch, etag)) return { status: 304, headers, body: "" };
  const part = range === undefined ? "all" : rangeOf(range, bytes.length);
  if (part === "all") return { status: 200, headers, body: bytes };
  if (part === "none") {
    const error = s3Error("InvalidRange", request);
    return { ...error, headers: { ...error.headers, "content-range": `bytes */${bytes.length}` } };
  }
  const [from, to] = part;
  return {
    status: 206,
    headers: { ...headers, "content-range": `bytes ${from}-${to}/${bytes.length}` },
    body: bytes.subarray(from, to + 1),
  };
}

function isOfUnknownLength({ headers }: EndpointRequest): boolean {
  return headers["transfer-encoding"] !== undefined && headers["content-length"] === undefined;
}

const hexOf = (binary: string) =>
  Array.from(binary, (char) => char.charCodeAt(0).toString(16).padStart(2, "0")).join("");

const etagOf = (bytes: Uint8Array, md5: Md5) => `"${md5(bytes)}"`;

/** Whether a list of entity tags includes this one; `*` includes any. */
function names(list: string, etag: string): boolean {
  const tags = list.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
  return tags.includes("*") || tags.includes(etag);
}

/** First and last byte; anything but a single byte range is ignored, per RFC 9110 (14.2). */
function rangeOf(range: string, size: number): readonly [number, number] | "all" | "none" {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(range.trim()) ?? [];
  if (first === undefined || last === undefined || first + last === "") return "all";
  const from = first === "" ? Math.max(0, size - Number(last)) : Number(first);
  const to = first === "" || last === "" ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== "" && last !== "" && Number(last) < from) return "all";
  return from >= size || to < from ? "none" : [from, to];
}

function authorize(objects: EmbeddedObjectStore, request: EndpointRequest) {
  return objects.authorize({
    method: request.method,
    target: request.target,
    contentType: request.method === "PUT" ? contentTypeOf(request) : "",
  });
}

function contentTypeOf(request: EndpointRequest): string {
  return (request.headers["content-type"] ?? "").toLowerCase(); // media types are case-insensitive
}

function refused(
  reason: "expired" | "signature" | "malformed",
  request: EndpointRequest,
): EndpointReply {
  if (reason === "malformed") return s3Error("AuthorizationQueryParametersError", request);
  return s3Error(reason === "expired" ? "AccessDenied" : "SignatureDoesNotMatch", request);
}

/** Status and message for S3's error codes. */
const s3Errors = {
  AccessDenied: [403, "Request has expired"],
  AuthorizationQueryParametersError: [400, "The query parameters of the signature are not valid."],
  BadDigest: [400, "The Content-MD5 you specified did not match what we received."],
  EntityTooLarge: [400, "The upload is larger than the maximum allowed size."],
  InvalidDigest: [400, "The Content-MD5 you specified is not valid."],
  InvalidRange: [416, "The requested range is not satisfiable"],
  MissingContentLength: [411, "You must provide the Content-Length HTTP header."],
  NoSuchKey: [404, "The specified key does not exist."],
  PreconditionFailed: [412, "At least one of the preconditions did not hold."],
  SignatureDoesNotMatch: [403, "The signature does not match the request."],
} as const;

function s3Error(code: keyof typeof s3Errors, { target }: EndpointRequest): EndpointReply {
  const [status, message] = s3Errors[code];
  const resource = escapeXml(target.split("?")[0] ?? "");
  return {
    status,
    headers: { "content-type": "application/xml" },
    body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>${message}</Message><Resource>${resource}</Resource></Error>`,
  };
}

function escapeXml(text: string): string {
  return text.replace(/[<>&"']/g, (char) => `&#${char.charCodeAt(0)};`);
}
