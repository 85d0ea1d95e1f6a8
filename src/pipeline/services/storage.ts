import { problemWithKey } from "../contracts/object-key.ts";
import { type Endpoint, jsonReply, probes, readJsonBody } from "../delivery/endpoint.ts";
import type { Service } from "../delivery/service.ts";
import type { ObjectStore } from "../ports.ts";
import { guarded } from "./internal-token.ts";

const name = "tu-storage-service";

type StoragePorts = { readonly objects: ObjectStore; readonly internalToken: string };

/** Signs URLs for objects. Every request, probes included, needs `x-internal-token`. */
export function createStorage(ports: StoragePorts): Service {
  return {
    name,
    endpoints: [presign("PUT", ports), presign("GET", ports), ...probes("Storage.Api")].map(
      (endpoint) => guarded(endpoint, ports.internalToken),
    ),
    handlers: {},
    prefetch: 1,
  };
}

function presign(method: "GET" | "PUT", { objects }: StoragePorts): Endpoint {
  const path = `/internal/v1/storage/presign-${method.toLowerCase()}`;
  return {
    method: "POST",
    path,
    hop: `POST ${path}`,
    handle: async (request) => {
      const body = readJsonBody(request);
      if (body === undefined) return jsonReply(400, badJson);
      const { key, contentType, ttlSec } = body;
      const errors = {
        ...keyErrors(key),
        ...(method === "PUT" ? contentTypeErrors(contentType) : {}),
        ...ttlErrors(ttlSec),
      };
      if (Object.keys(errors).length > 0) return jsonReply(422, { errors });
      return jsonReply(
        200,
        objects.presign({
          method,
          key: String(key),
          contentType: method === "PUT" ? String(contentType) : "",
          expiresInSeconds: Number(ttlSec),
        }),
      );
    },
  };
}

const badJson = { type: "about:blank", title: "the body is not a JSON object", status: 400 };

type FieldErrors = Record<string, readonly string[]>;

function keyErrors(key: unknown): FieldErrors {
  const problem = typeof key === "string" ? problemWithKey(key) : "Required";
  return problem === undefined ? {} : { key: [problem] };
}

function contentTypeErrors(contentType: unknown): FieldErrors {
  if (typeof contentType !== "string" || contentType.trim() === "") {
    return { contentType: ["Required"] };
  }
  return contentType.startsWith("image/") ? {} : { contentType: ["MustStartWithImageSlash"] };
}

function ttlErrors(ttlSec: unknown): FieldErrors {
  const isInRange =
    typeof ttlSec === "number" && Number.isInteger(ttlSec) && ttlSec >= 1 && ttlSec <= 3600;
  return isInRange ? {} : { ttlSec: ["Range1To3600"] };
}
