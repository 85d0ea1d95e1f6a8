import type { Service } from "../delivery/service.ts";
import { callHeaders, postJson } from "../http/call.ts";
import { guarded, internalTokenHeader } from "../http/internal-token.ts";
import { jsonReply, probes } from "../http/replies.ts";
import { readBody, textMember } from "../http/request-body.ts";
import type { HttpClient } from "../ports/http-client.ts";

const name = "tu-media-access-service";
const ttlSec = 300;

/**
 * Issues presigned GETs to the analysing services, which know the internal token (the deployed service requires
 * none). Does not check whether the object exists.
 */
export function createMediaAccess(ports: {
  readonly http: HttpClient;
  readonly storageUrl: () => string;
  readonly internalToken: string;
}): Service {
  return {
    name,
    endpoints: [
      guarded(
        {
          method: "POST",
          path: "/internal/v0/media/get-url",
          hop: "POST /internal/v0/media/get-url",
          handle: async (request) => {
            const read = readBody(request, { objectKey: textMember });
            if (!read.ok) return read.reply;
            const { objectKey } = read.body;
            if (objectKey.trim() === "") {
              return jsonReply(422, { errors: { objectKey: ["Required"] } });
            }
            const answer = await postJson(ports.http, {
              url: `${ports.storageUrl()}/internal/v1/storage/presign-get`,
              body: { key: objectKey, ttlSec },
              headers: {
                ...callHeaders({
                  service: name,
                  flowId: request.headers["x-correlation-id"] ?? "",
                }),
                [internalTokenHeader]: ports.internalToken,
              },
            });
            // Storage's verdict on the key is passed to the caller; the real service answers 500.
            return jsonReply(answer.status === 401 ? 502 : answer.status, answer.json);
          },
        },
        ports.internalToken,
      ),
      ...probes("MediaAccess.Api"),
    ],
    handlers: {},
    prefetch: 1,
  };
}
