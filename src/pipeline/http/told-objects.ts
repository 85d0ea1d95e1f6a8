import type { Clock } from "../ports/clock.ts";
import type { HttpClient } from "../ports/http-client.ts";
import type { Reporter } from "../ports/reporter.ts";
import { requestHop } from "../trace/hops.ts";

/**
 * Reports requests to an object store that cannot report them itself, as our own does. `isObject` tells them from
 * others by their URL.
 */
export function tellingObjects(
  http: HttpClient,
  isObject: (url: string) => boolean,
  { clock, reporter }: { readonly clock: Pick<Clock, "nowMs">; readonly reporter: Reporter },
): HttpClient {
  return {
    send(request) {
      const { headers = {}, method, url } = request;
      const flowId = headers["x-correlation-id"];
      if (flowId !== undefined && isObject(url)) {
        const from = headers["x-producer"] ?? "client";
        const named = { name: `${method} object`, from, to: "object-store", atMs: clock.nowMs() };
        reporter.hop(requestHop({ ...named, flowId, transport: "http" }));
      }
      return http.send(request);
    },
  };
}
