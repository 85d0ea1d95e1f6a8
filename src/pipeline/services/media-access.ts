import type { Service } from "../delivery/service.ts";
import { callHeaders, postJson } from "../http/call.ts";
import { guarded, internalTokenHeader } from "../http/internal-token.ts";
import { jsonReply, probes } from "../http/replies.ts";
import { readBody, textMember } from "../http/request-body.ts";
import type { Endpoint } from "../ports/endpoint.ts";
import type { HttpClient } from "../ports/http-client.ts";

const name = "tu-media-access-service";
const ttlSec = 300;

type MediaAccessPorts = {
  readonly http: HttpClient;
  readonly storageUrl: () => string;
  /** Shown to storage. */
  readonly internalToken: string;
  /** What callers must show. Null: nothing, like the deployed service, whose caller has nothing to show. */
  readonly callerToken: string | null;
};

/**
 * Issues presigned GETs to the analysing services. Does not check whether the object exists. `/get-url` is where the
 * newest deployed vision adapter asks.
 */
export function createMediaAccess(ports: MediaAccessPorts): Service {
  const { callerToken } = ports;
  const endpoints = ["/internal/v0/media/get-url", "/get-url"].map((path) => getUrl(path, ports));
  return {
    name,
    endpoints: [
      ...endpoints.map((endpoint) =>
        callerToken === null ? endpoint : guarded(endpoint, callerToken),
      ),
      ...probes("MediaAccess.Api"),
    ],
    handlers: {},
    prefetch: 1,
  };
}

function getUrl(path: string, { http, internalToken, storageUrl }: MediaAccessPorts): Endpoint {
  return {
    method: "POST",
    path,
    hop: "POST /internal/v0/media/get-url",
    handle: async (request) => {
      const read = readBody(request, { objectKey: textMember });
      if (!read.ok) return read.reply;
      const { objectKey } = read.body;
      if (objectKey.trim() === "") {
        return jsonReply(422, { errors: { objectKey: ["Required"] } });
      }
      const flowId = request.headers["x-correlation-id"] ?? "";
      const answer = await postJson(http, {
        url: `${storageUrl()}/internal/v1/storage/presign-get`,
        body: { key: objectKey, ttlSec },
        headers: {
          ...callHeaders({ service: name, flowId }),
          [internalTokenHeader]: internalToken,
        },
      });
      // Storage's verdict on the key is passed to the caller; the real service answers 500.
      return jsonReply(answer.status === 401 ? 502 : answer.status, answer.json);
    },
  };
}
