import {
  type Endpoint,
  type EndpointReply,
  type EndpointRequest,
  textReply,
} from "../delivery/endpoint.ts";
import { TuError } from "../errors.ts";
import type { ObjectStore } from "../ports.ts";
import { imageBytesMax } from "./image-access.ts";

/** The object store's HTTP edge: presigned PUT and GET with the semantics of S3. */
export function createObjectStoreEndpoints(objects: ObjectStore): readonly Endpoint[] {
  return [
    {
      method: "PUT",
      path: "/*",
      hop: "PUT object",
      handle: async (request) => {
        const access = authorize(objects, request);
        if (!access.allowed) return refused(access.reason);
        if (request.body.length > imageBytesMax) return s3Error(413, "EntityTooLarge");
        return put(objects, access.key, request);
      },
    },
    {
      method: "GET",
      path: "/*",
      hop: "GET object",
      handle: async (request) => {
        const access = authorize(objects, request);
        if (!access.allowed) return refused(access.reason);
        const object = await objects.get(access.key);
        if (object === undefined) return s3Error(404, "NoSuchKey");
        return { status: 200, headers: { "content-type": object.contentType }, body: object.bytes };
      },
    },
  ];
}

/** An object never changes: S3 says so to whoever asks with `if-none-match`, this store to everybody. */
async function put(
  objects: ObjectStore,
  key: string,
  request: EndpointRequest,
): Promise<EndpointReply> {
  try {
    await objects.put(key, request.body, { contentType: contentTypeOf(request) });
    return { status: 200, body: "" };
  } catch (error) {
    if (!(error instanceof TuError) || error.code !== "E_OBJECT_EXISTS") throw error;
    return s3Error(412, "PreconditionFailed");
  }
}

function authorize(objects: ObjectStore, request: EndpointRequest) {
  return objects.authorize({
    method: request.method,
    target: request.target,
    contentType: request.method === "PUT" ? contentTypeOf(request) : "",
  });
}

function contentTypeOf(request: EndpointRequest): string {
  return (request.headers["content-type"] ?? "").toLowerCase(); // media types have no case
}

function refused(reason: "expired" | "signature" | "malformed"): EndpointReply {
  if (reason === "malformed") return s3Error(400, "AuthorizationQueryParametersError");
  return s3Error(403, reason === "expired" ? "AccessDenied" : "SignatureDoesNotMatch");
}

function s3Error(status: number, code: string): EndpointReply {
  return {
    ...textReply(
      status,
      `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${code}</Code></Error>`,
    ),
    headers: { "content-type": "application/xml" },
  };
}
