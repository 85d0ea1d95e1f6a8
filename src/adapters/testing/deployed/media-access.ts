import { required, type Start } from "./deployed.ts";
import { textOf } from "./json.ts";
import { closeServer, postJson, serveJson } from "./json-http.ts";

/** tu-media-access-service: asks storage for anyone who asks it, and does not look whether the object is there. */
export const startMediaAccess: Start = async ({ port }) => {
  const storage = required("STORAGE_BASE_URL");
  const token = required("INTERNAL_AUTH_API_KEY");
  const server = await serveJson(port, {
    "POST /internal/v0/media/get-url": async (body) => {
      const key = textOf(body["objectkey"]);
      if (key.trim() === "") return { status: 422, body: { errors: { objectKey: ["Required"] } } };
      const { expiresat, url } = await postJson(
        `${storage}/internal/v1/storage/presign-get`,
        { key, ttlSec: 300 },
        { "X-Internal-Token": token },
      );
      return { status: 200, body: { url, expiresAt: expiresat } };
    },
    "GET /health": () => ({ status: 200, body: "Healthy" }),
  });
  return { close: () => closeServer(server) };
};
