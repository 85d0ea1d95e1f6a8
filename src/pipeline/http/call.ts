import type { ServiceName } from "../contracts/contract.ts";
import { TuError } from "../errors.ts";
import type { HttpClient, HttpResponse } from "../ports/http-client.ts";

export type Caller = { readonly service: ServiceName; readonly flowId: string };

/** Headers of every call between services: the caller and the flow. */
export function callHeaders({ service, flowId }: Caller): Record<string, string> {
  return { "x-producer": service, "x-correlation-id": flowId };
}

/** POSTs JSON and parses a JSON response. The caller evaluates the status. */
export async function postJson(
  http: HttpClient,
  options: { url: string; body: unknown; headers: Record<string, string>; silenceMs?: number },
): Promise<HttpResponse & { readonly json: Record<string, unknown> }> {
  const response = await http.send({
    method: "POST",
    url: options.url,
    headers: { "content-type": "application/json", ...options.headers },
    body: JSON.stringify(options.body),
    ...(options.silenceMs === undefined ? {} : { silenceMs: options.silenceMs }),
  });
  return { ...response, json: parseObject(response.body) };
}

/** The `url` of a presign response. Throws E_FETCH_FAILED if it has none. */
export function presignedUrl(
  response: HttpResponse & { readonly json: Record<string, unknown> },
  asked: string,
): { readonly url: string; readonly expiresAt: string } {
  const { url, expiresAt } = response.json;
  if (response.status === 200 && typeof url === "string" && typeof expiresAt === "string") {
    return { url, expiresAt };
  }
  throw new TuError("E_FETCH_FAILED", `${asked} answered ${response.status}`, {
    hint: "check the service's log; 401 means that the internal tokens differ",
  });
}

function parseObject(body: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(body));
    // An object with unknown values; readers check each one.
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {}; // not JSON: the caller relies on the status and missing fields
  }
}
