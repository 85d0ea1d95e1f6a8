import * as z from "zod";
import { isErrorCode, TuError } from "../../pipeline/errors.ts";
import type { Observer } from "../../pipeline/ports/observer.ts";
import type { Hop } from "../../pipeline/ports/reporter.ts";
import { Machine } from "../../pipeline/reports/machines.ts";

const Hops = z.object({ hops: z.array(z.custom<Hop>((hop) => typeof hop === "object")) });
const Found = z.object({ machine: Machine.nullable() });
const Sent = z.object({ place: z.string(), routed: z.boolean() });
const Refusal = z.object({ title: z.string(), code: z.string() });
const timeoutMs = 30_000;

/** Asks a running pipeline over HTTP. `url` is a base address without a trailing slash. */
export function createHttpObserver(url: string, token: string): Observer {
  const request = async (path: string, options: RequestInit, signal?: AbortSignal) => {
    const limit = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(`${url}${path}`, {
        ...options,
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
      });
      if (response.ok) return (await response.json()) as unknown;
      const { data } = Refusal.safeParse(await response.json());
      if (data !== undefined && isErrorCode(data.code)) throw new TuError(data.code, data.title);
      throw new Error(`status ${response.status}`);
    } catch (cause) {
      if (cause instanceof TuError) throw cause;
      signal?.throwIfAborted();
      throw new TuError("E_SERVICE_UNAVAILABLE", `the running pipeline at ${url} does not answer`, {
        hint: "see `tu-analyze ps`",
        cause,
      });
    }
  };
  const ask = (path: string, query: Record<string, string>, signal?: AbortSignal) =>
    request(`${path}?${new URLSearchParams(query)}`, {}, signal);
  return {
    async hops(flowId, { known, signal, waitMs }) {
      const query = { flow: flowId, known: String(known), waitMs: String(waitMs) };
      return Hops.parse(await ask("/hops", query, signal)).hops;
    },
    async publish(destination, wire) {
      const body = JSON.stringify({ destination, wire });
      return Sent.parse(await request("/publish", { method: "POST", body }));
    },
    machineOf: async (objectKey) =>
      Found.parse(await ask("/machine", { objectKey })).machine ?? undefined,
  };
}
