import * as z from "zod";
import { TuError } from "../../pipeline/errors.ts";
import type { Observer } from "../../pipeline/ports/observer.ts";
import type { Hop } from "../../pipeline/ports/reporter.ts";
import { Machine } from "../../pipeline/reports/machines.ts";

const Hops = z.object({ hops: z.array(z.custom<Hop>((hop) => typeof hop === "object")) });
const Found = z.object({ machine: Machine.nullable() });
const timeoutMs = 30_000;

/** Asks a running pipeline over HTTP. `url` is a base address without a trailing slash. */
export function createHttpObserver(url: string, token: string): Observer {
  const ask = async (path: string, query: Record<string, string>, signal?: AbortSignal) => {
    const asked = `${url}${path}?${new URLSearchParams(query)}`;
    const limit = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(asked, {
        headers: { authorization: `Bearer ${token}` },
        signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      });
      if (response.ok) return (await response.json()) as unknown;
      throw new Error(`status ${response.status}`);
    } catch (cause) {
      signal?.throwIfAborted();
      throw new TuError("E_SERVICE_UNAVAILABLE", `the running pipeline at ${url} does not answer`, {
        hint: "see `tu-analyze ps`",
        cause,
      });
    }
  };
  return {
    async hops(flowId, { known, signal, waitMs }) {
      const query = { flow: flowId, known: String(known), waitMs: String(waitMs) };
      return Hops.parse(await ask("/hops", query, signal)).hops;
    },
    machineOf: async (objectKey) =>
      Found.parse(await ask("/machine", { objectKey })).machine ?? undefined,
  };
}
