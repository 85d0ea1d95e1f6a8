import type { Service } from "../delivery/service.ts";
import { isSignable, problemWithKey } from "../domain/object-key.ts";
import { guarded } from "../http/internal-token.ts";
import { jsonReply, probes } from "../http/replies.ts";
import { int32Member, readBody, textMember } from "../http/request-body.ts";
import type { Endpoint, EndpointRequest } from "../ports/endpoint.ts";
import type { ObjectStore } from "../ports/object-store.ts";

const name = "tu-storage-service";

type StoragePorts = { readonly objects: ObjectStore; readonly internalToken: string };

/** Presigns URLs for objects. Every request, probes included, requires `x-internal-token`. */
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
      const read = method === "PUT" ? readBody(request, putMembers) : readGet(request);
      if (!read.ok) return read.reply;
      const key = read.body.key.trim();
      const contentType = read.body.contentType.trim().toLowerCase();
      const { ttlSec } = read.body;
      const errors = {
        ...keyErrors(key),
        ...(method === "PUT" ? contentTypeErrors(contentType) : {}),
        ...(ttlSec >= 1 && ttlSec <= 3600 ? {} : { ttlSec: ["Range1To3600"] }),
      };
      if (Object.keys(errors).length > 0) return jsonReply(422, { errors });
      const wanted = { method, key, contentType, expiresInSeconds: ttlSec };
      return jsonReply(200, objects.presign(wanted));
    },
  };
}

const getMembers = { key: textMember, ttlSec: int32Member };
const putMembers = { ...getMembers, contentType: textMember };

function readGet(request: EndpointRequest) {
  const read = readBody(request, getMembers);
  return read.ok ? { ...read, body: { ...read.body, contentType: "" } } : read;
}

type FieldErrors = Record<string, readonly string[]>;

function keyErrors(key: string): FieldErrors {
  const problem = problemWithKey(key);
  return problem === undefined ? {} : { key: [problem] };
}

/** The real service accepts any type with this prefix; one that no header can carry could never be uploaded. */
function contentTypeErrors(contentType: string): FieldErrors {
  if (contentType === "") return { contentType: ["Required"] };
  const isTaken = contentType.startsWith("image/") && isSignable(contentType);
  return isTaken ? {} : { contentType: ["MustStartWithImageSlash"] };
}
